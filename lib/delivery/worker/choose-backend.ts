import type { DeliveryOptions } from '../delivery-options.ts';
import type { Backend } from './backend.ts';
import { createElasticsearchBackend } from './elasticsearch-backend.ts';
import { createLogstashBackend } from './logstash-backend.ts';

/** Who takes the logs. */
export function createLogBackend(destination: NonNullable<DeliveryOptions['logs']>, timeoutMillis: number): Backend {
  if (destination.kind === 'logstash') return createLogstashBackend({ ...destination, timeoutMillis });
  return createElasticsearchBackend({ ...destination, timeoutMillis });
}
