import type { Settings } from '../bootstrap/settings.ts';
import { type OtlpDestination, shownAddress } from '../delivery/delivery-options.ts';
import { TLS_VARIABLES, type TlsFiles } from '../delivery/tls-files.ts';
import { Credentials } from '../delivery/worker/credentials.ts';
import { elasticsearchCredentials } from '../delivery/worker/elasticsearch-backend.ts';
import type { Attempt } from './explain.ts';

/** Somebody who takes a signal. */
export interface Destination extends Attempt, TlsFiles {
  readonly signal: 'logs' | 'spans' | 'statsd' | 'pushes';
  readonly kind: 'elasticsearch' | 'logstash' | 'otlp' | 'zipkin' | 'statsd' | 'pushgateway';
  /** Name for people. */
  readonly name: string;
  /** As it may be shown. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Files of secrets, by the option that names them. */
  readonly secretFiles?: Readonly<Record<string, string | undefined>>;
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

/** What a question is asked with. A file that cannot be read is told of elsewhere. */
function headersOf(credentials: Credentials): Record<string, string> {
  try {
    return credentials.headers();
  } catch {
    return {};
  }
}

function passwordAccess(url: string, variable: string, passwordFile: string | undefined) {
  return {
    headers: headersOf(new Credentials({ url: new URL(url), passwordFile })),
    secretFiles: { [variable]: passwordFile },
    credentials: `the user in the address and ${variable}`,
  };
}

function otlpAccess(otlp: OtlpDestination) {
  const { url, headers, headersFile, caFile, certificateFile, keyFile } = otlp;
  return {
    tlsVariables: TLS_VARIABLES.otlp,
    caFile,
    certificateFile,
    keyFile,
    headers: headersOf(new Credentials({ url: new URL(url), headers, headersFile })),
    secretFiles: { SIGHTLINE_OTLP_HEADERS_FILE: headersFile },
    credentials: 'OTEL_EXPORTER_OTLP_HEADERS or SIGHTLINE_OTLP_HEADERS_FILE',
  };
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
      ...otlpAccess(logs.otlp),
    };
  }
  if (logs.backend === 'logstash') {
    return {
      ...common,
      kind: 'logstash',
      name: 'Logstash',
      variable: 'SIGHTLINE_LOGSTASH_URL',
      tlsVariables: TLS_VARIABLES.logstash,
      caFile: given.logstashCaFile,
      certificateFile: given.logstashClientCertificateFile,
      keyFile: given.logstashClientKeyFile,
      ...passwordAccess(logs.url, 'SIGHTLINE_LOGSTASH_PASSWORD_FILE', given.logstashPasswordFile),
    };
  }
  const secrets = {
    apiKey: given.elasticsearchApiKey,
    apiKeyFile: given.elasticsearchApiKeyFile,
    username: given.elasticsearchUsername,
    password: given.elasticsearchPassword,
    passwordFile: given.elasticsearchPasswordFile,
  };
  return {
    ...common,
    kind: 'elasticsearch',
    name: 'Elasticsearch',
    variable: from(settings, 'elasticsearchUrl', 'SIGHTLINE_ELASTICSEARCH_URL'),
    tlsVariables: TLS_VARIABLES.elasticsearch,
    caFile: given.elasticsearchCaFile,
    certificateFile: given.elasticsearchClientCertificateFile,
    keyFile: given.elasticsearchClientKeyFile,
    headers: headersOf(elasticsearchCredentials(secrets, new URL(logs.url))),
    secretFiles: {
      SIGHTLINE_ELASTICSEARCH_API_KEY_FILE: secrets.apiKeyFile,
      SIGHTLINE_ELASTICSEARCH_PASSWORD_FILE: secrets.passwordFile,
    },
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
      ...otlpAccess(otlpTraces),
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
    tlsVariables: TLS_VARIABLES.zipkin,
    caFile: given.zipkinCaFile,
    certificateFile: given.zipkinClientCertificateFile,
    keyFile: given.zipkinClientKeyFile,
    ...passwordAccess(zipkinUrl, 'SIGHTLINE_ZIPKIN_PASSWORD_FILE', given.zipkinPasswordFile),
  };
}

function metricsOf(settings: Settings): Destination[] {
  const { given, statsdUrl, pushUrl } = settings;
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
            tlsVariables: TLS_VARIABLES.pushgateway,
            caFile: given.metricsPushCaFile,
            certificateFile: given.metricsPushClientCertificateFile,
            keyFile: given.metricsPushClientKeyFile,
            ...passwordAccess(pushUrl, 'SIGHTLINE_METRICS_PUSH_PASSWORD_FILE', given.metricsPushPasswordFile),
          } as const,
        ]),
  ];
}
