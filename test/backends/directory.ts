import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where `npm run backends` installs. Outside of the repository, so that every clone on a machine shares it. */
export const BACKENDS = process.env['SIGHTLINE_BACKENDS'] ?? '/var/tmp/sightline-backends';

/** What each backend needs to be there; versions are those of `install.sh`. */
const INSTALLED = {
  zipkin: { label: 'Zipkin 3.6.1', path: 'zipkin-3.6.1/zipkin-server-3.6.1-exec.jar' },
  elasticsearch: {
    label: 'Elasticsearch 8.19.21',
    path: 'elasticsearch-8.19.21/elasticsearch-8.19.21/bin/elasticsearch',
  },
  opensearch: { label: 'OpenSearch 2.19.6', path: 'opensearch-2.19.6/opensearch-2.19.6/bin/opensearch' },
  prometheus: { label: 'Prometheus 3.16.0', path: 'bin/prometheus' },
  promtool: { label: 'promtool 3.16.0', path: 'bin/promtool' },
  telegraf: { label: 'Telegraf 1.37.2', path: 'bin/telegraf' },
  influxd: { label: 'InfluxDB 1.8.3', path: 'bin/influxd' },
  graphite: { label: 'Graphite (Carbon, Whisper) 1.1.10', path: 'graphite-1.1.10/bin/carbon-cache.py' },
  'statsd-exporter': { label: 'statsd_exporter 0.31.0', path: 'bin/statsd_exporter' },
} as const;

export type Backend = keyof typeof INSTALLED;

/** Path of a backend's main file. */
export function backendPath(name: Backend): string {
  return join(BACKENDS, INSTALLED[name].path);
}

/**
 * Why a backend cannot be used, with the command that installs it; `undefined` when it can. Made for the `skip` option
 * of `node:test`: `test('…', { skip: available('zipkin') }, …)`.
 */
export function available(...names: readonly Backend[]): string | undefined {
  const missing = names.filter((name) => !existsSync(backendPath(name))).map((name) => INSTALLED[name].label);
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed; npm run backends`;
}
