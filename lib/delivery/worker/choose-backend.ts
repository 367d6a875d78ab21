import type { DeliveryOptions } from '../delivery-options.ts';
import type { Backend } from './backend.ts';
import { createElasticsearchBackend } from './elasticsearch-backend.ts';
import { createLogstashBackend } from './logstash-backend.ts';
import { createOtlpBackend } from './otlp-backend.ts';
import { createZipkinBackend } from './zipkin-backend.ts';

/** Who takes the logs. */
export function createLogBackend(destination: NonNullable<DeliveryOptions['logs']>, timeoutMillis: number): Backend {
  if (destination.kind === 'logstash') return createLogstashBackend({ ...destination, timeoutMillis });
  if (destination.kind === 'otlp')
    return createOtlpBackend('logs', { ...destination, timeoutMillis: destination.timeoutMillis ?? timeoutMillis });
  return createElasticsearchBackend({ ...destination, timeoutMillis });
}

/** Who takes the spans. */
export function createSpanBackend(destination: NonNullable<DeliveryOptions['spans']>, timeoutMillis: number): Backend {
  if (destination.kind === 'otlp')
    return createOtlpBackend('spans', { ...destination, timeoutMillis: destination.timeoutMillis ?? timeoutMillis });
  return createZipkinBackend({ ...destination, timeoutMillis });
}
