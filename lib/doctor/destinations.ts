import type { Settings } from '../bootstrap/settings.ts';
import { shownAddress } from '../delivery/delivery-options.ts';
import { authorizationOf } from '../delivery/worker/elasticsearch-backend.ts';
import type { Attempt } from './explain.ts';

/** Somebody who takes a signal. */
export interface Destination extends Attempt {
  readonly signal: 'logs' | 'spans' | 'statsd' | 'pushes';
  readonly kind: 'elasticsearch' | 'logstash' | 'otlp' | 'zipkin' | 'statsd' | 'pushgateway';
  /** Name for people. */
  readonly name: string;
  /** As it may be shown. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caFile?: string | undefined;
  /** The options that credentials come from. */
  readonly credentials?: string | undefined;
  /** Data stream of Elasticsearch. */
  readonly stream?: string | undefined;
}

/** Everybody that what is observed is sent to. Prometheus comes by itself. */
export function destinationsOf(settings: Settings): Destination[] {
  return [logsOf(settings), spansOf(settings), ...metricsOf(settings)].filter((found) => found !== undefined);
}

/** The option that an address came from. */
function from(settings: Settings, own: keyof Settings['given'], variable: string): string {
  return settings.given[own] === undefined ? 'SIGHTLINE_STACK_URL' : variable;
}

function logsOf(settings: Settings): Destination | undefined {
  const { given, logs } = settings;
  if (logs.mode !== 'ship') return undefined;
  const common = { signal: 'logs', url: new URL(logs.url), address: shownAddress(logs.url) } as const;
  if (logs.otlp !== undefined) {
    return {
      ...common,
      kind: 'otlp',
      name: 'OTLP',
      variable:
        given.otlpLogsEndpoint === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
      caVariable: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
      caFile: logs.otlp.caFile,
      headers: logs.otlp.headers ?? {},
      credentials: 'OTEL_EXPORTER_OTLP_HEADERS',
    };
  }
  if (logs.backend === 'logstash') {
    return {
      ...common,
      kind: 'logstash',
      name: 'Logstash',
      variable: 'SIGHTLINE_LOGSTASH_URL',
      caVariable: 'SIGHTLINE_LOGSTASH_CA_FILE',
      caFile: given.logstashCaFile,
      headers: {},
    };
  }
  const authorization = authorizationOf(
    {
      apiKey: given.elasticsearchApiKey,
      username: given.elasticsearchUsername,
      password: given.elasticsearchPassword,
    },
    common.url,
  );
  return {
    ...common,
    kind: 'elasticsearch',
    name: 'Elasticsearch',
    variable: from(settings, 'elasticsearchUrl', 'SIGHTLINE_ELASTICSEARCH_URL'),
    caVariable: 'SIGHTLINE_ELASTICSEARCH_CA_FILE',
    caFile: given.elasticsearchCaFile,
    headers: authorization === undefined ? {} : { authorization },
    credentials: 'SIGHTLINE_ELASTICSEARCH_API_KEY, or _USERNAME and _PASSWORD',
    stream: logs.stream,
  };
}

function spansOf(settings: Settings): Destination | undefined {
  const { given, otlpTraces, zipkinUrl } = settings;
  if (otlpTraces !== undefined) {
    return {
      signal: 'spans',
      kind: 'otlp',
      name: 'OTLP',
      url: new URL(otlpTraces.url),
      address: shownAddress(otlpTraces.url),
      variable:
        given.otlpTracesEndpoint === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      caVariable: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
      caFile: otlpTraces.caFile,
      headers: otlpTraces.headers ?? {},
      credentials: 'OTEL_EXPORTER_OTLP_HEADERS',
    };
  }
  if (zipkinUrl === undefined) return undefined;
  return {
    signal: 'spans',
    kind: 'zipkin',
    name: 'Zipkin',
    url: new URL(zipkinUrl),
    address: shownAddress(zipkinUrl),
    variable: from(settings, 'zipkinEndpoint', 'OTEL_EXPORTER_ZIPKIN_ENDPOINT'),
    headers: {},
  };
}

function metricsOf(settings: Settings): Destination[] {
  const { statsdUrl, pushUrl } = settings;
  const to = (url: string) => ({ url: new URL(url), address: shownAddress(url), headers: {} });
  return [
    ...(statsdUrl === undefined
      ? []
      : [
          {
            ...to(statsdUrl),
            signal: 'statsd',
            kind: 'statsd',
            name: 'StatsD',
            variable: 'SIGHTLINE_STATSD_URL',
          } as const,
        ]),
    ...(pushUrl === undefined
      ? []
      : [
          {
            ...to(pushUrl),
            signal: 'pushes',
            kind: 'pushgateway',
            name: 'Pushgateway',
            variable: from(settings, 'metricsPushUrl', 'SIGHTLINE_METRICS_PUSH_URL'),
          } as const,
        ]),
  ];
}
