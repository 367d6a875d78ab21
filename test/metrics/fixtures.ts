import type { MetricDefinition, MetricType } from '../../lib/model/catalogue.ts';
import type { Resource } from '../../lib/model/resource.ts';

export const RESOURCE: Resource = {
  serviceName: 'shop',
  serviceVersion: '1.2.3',
  instanceId: 'i-1',
  environment: 'test',
  hostName: 'server1',
  pid: 1,
  attributes: {},
};

export function definition(
  type: MetricType,
  prometheus: string,
  labels: readonly string[] = [],
  buckets?: readonly number[],
): MetricDefinition {
  return {
    name: prometheus.replaceAll('_', '.'),
    type,
    unit: prometheus.includes('_seconds') ? 's' : '',
    help: `Help of ${prometheus}.`,
    labels,
    prometheus,
    ...(buckets === undefined ? {} : { buckets }),
  };
}

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const SPAN_ID = 'b7ad6b7169203331';
