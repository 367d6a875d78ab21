import { CONNECTION_OPTIONS } from './connection-options.ts';
import { LIMIT_OPTIONS } from './limit-options.ts';
import type { OptionRow } from './option-row.ts';
import { row } from './option-row.ts';
import * as as from './option-types.ts';
import { OTLP_OPTIONS } from './otlp-options.ts';

/**
 * The one table of options. It gives the validator, the types and docs/configuration.md. An option may be given in
 * code under its name (`observe({ adminPort: 0 })`) or as its environment variable; code wins.
 */
export const OPTIONS = {
  disabled: row('OTEL_SDK_DISABLED', 'false', '`true`: nothing is hooked, nothing opened', as.boolean),
  serviceName: row('OTEL_SERVICE_NAME', "nearest package.json's name", 'who speaks', as.text),
  resourceAttributes: row('OTEL_RESOURCE_ATTRIBUTES', '–', 'more about who speaks, `key=value` pairs', as.pairs),
  environment: row(
    'SIGHTLINE_ENVIRONMENT',
    '`deployment.environment.name` of the resource, else `NODE_ENV`, else `development`',
    'first segment of StatsD names, data-stream namespace, label',
    as.text,
  ),
  host: row('SIGHTLINE_HOST', 'host name', 'second segment of StatsD names', as.text),
  stackUrl: row(
    'SIGHTLINE_STACK_URL',
    '`http://127.0.0.1:4380` in `development` and `test` when no backend below is named',
    'one address for everything; the addresses below derive from it. A signal without an address is off, and one line says so. While only defaulted, the journal is capped at 32 MB and 1 h',
    as.url('http', 'https'),
  ),
  elasticsearchUrl: row(
    'SIGHTLINE_ELASTICSEARCH_URL',
    '`$STACK/elasticsearch`',
    'where logs go',
    as.url('http', 'https'),
  ),
  elasticsearchApiKey: row(
    'SIGHTLINE_ELASTICSEARCH_API_KEY',
    '–',
    'API key, as Elasticsearch encodes it',
    as.text,
    true,
  ),
  elasticsearchUsername: row('SIGHTLINE_ELASTICSEARCH_USERNAME', '–', 'for basic authentication', as.text),
  elasticsearchPassword: row('SIGHTLINE_ELASTICSEARCH_PASSWORD', '–', 'for basic authentication', as.text, true),
  elasticsearchCaFile: row('SIGHTLINE_ELASTICSEARCH_CA_FILE', '–', 'PEM file of the certificate authority', as.text),
  logstashUrl: row(
    'SIGHTLINE_LOGSTASH_URL',
    '–',
    '`tcp://`, `tls://`, `http(s)://`; instead of Elasticsearch. With `http(s)://` it acknowledges; `tcp://` and `tls://` (codec `json_lines`) do not: such records are counted as `sent_unconfirmed`',
    as.urlWithPort('tcp', 'tls', 'http', 'https'),
  ),
  logstashCaFile: row('SIGHTLINE_LOGSTASH_CA_FILE', '–', 'PEM file of the certificate authority', as.text),
  logs: row(
    'SIGHTLINE_LOGS',
    'elasticsearch',
    '`elasticsearch`, `logstash`, `otlp`, `none`, or `stdout`: the app’s own lines leave as ECS with IDs and nothing is shipped. In all other modes stdout is byte-identical',
    as.oneOf('elasticsearch', 'logstash', 'otlp', 'none', 'stdout'),
  ),
  accessLog: row(
    'SIGHTLINE_ACCESS_LOG',
    'on',
    'which requests leave an access line: `on` all, `sampled` those whose trace is sampled and those that failed, `errors` those that failed (4xx, 5xx, aborted), `off` none',
    as.oneOf('on', 'sampled', 'errors', 'off'),
  ),
  clientDetails: row(
    'SIGHTLINE_CLIENT_DETAILS',
    'spans',
    'where `client.address` (of the connection, never of a header) and `user_agent.original` are recorded: a list of `spans`, `logs` (access and error lines), or `none`',
    as.listOf('spans', 'logs', 'none'),
  ),
  logLevel: row(
    'SIGHTLINE_LOG_LEVEL',
    'info',
    'of our own logger; the app’s loggers keep theirs',
    as.oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  ),
  logStream: row('SIGHTLINE_LOG_STREAM', '`logs-<service>-<environment>`', 'data stream (or index) name', as.text),
  tracesExporter: row(
    'OTEL_TRACES_EXPORTER',
    '`zipkin`; `otlp` when only an OTLP endpoint is set',
    'one of `zipkin`, `otlp`, `none` and `console`: each span as one line of JSON on standard output, not in the journal',
    as.onlyOneOf('zipkin', 'otlp', 'console', 'none'),
  ),
  zipkinEndpoint: row(
    'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
    '`$STACK/zipkin/api/v2/spans`',
    'where spans go',
    as.url('http', 'https'),
  ),
  ...OTLP_OPTIONS,
  ...CONNECTION_OPTIONS,
  tracesSampler: row(
    'OTEL_TRACES_SAMPLER',
    'parentbased_always_on',
    'all standard samplers',
    as.oneOf(
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ),
  ),
  tracesSamplerArg: row('OTEL_TRACES_SAMPLER_ARG', '1', 'the ratio of the ratio samplers', as.ratio),
  tracesKeep: row(
    'SIGHTLINE_TRACES_KEEP',
    '–',
    '`errors,slow:1s`: this process’s part of a failed or slow request is kept whatever the sampler said',
    as.keepPolicy,
  ),
  tracesRoutes: row(
    'SIGHTLINE_TRACES_ROUTES',
    '–',
    'share of the requests to a path that are traced, in place of the share of `OTEL_TRACES_SAMPLER`: `GET /orders/:id=0.1,/internal/*=0`. The first rule that fits decides, when the request comes; a caller that has decided is followed as the sampler says ([how](rationale.md#how-are-requests-sampled-by-route))',
    as.routeRules,
  ),
  ...LIMIT_OPTIONS,
  propagators: row(
    'OTEL_PROPAGATORS',
    'tracecontext,baggage,b3',
    'also `b3multi`, `none`',
    as.listOf('tracecontext', 'baggage', 'b3', 'b3multi', 'none'),
  ),
  metrics: row(
    'SIGHTLINE_METRICS',
    'prometheus',
    'list of `prometheus`, `statsd`, `push`, or `none`',
    as.listOf('prometheus', 'statsd', 'push', 'none'),
  ),
  metricsPushUrl: row(
    'SIGHTLINE_METRICS_PUSH_URL',
    '`$STACK/pushgateway`',
    'Pushgateway protocol, for processes that end before they are scraped: every 15 s, and the last values at the end. Job is the service, instance the host or `service.instance.id`',
    as.url('http', 'https'),
  ),
  statsdUrl: row(
    'SIGHTLINE_STATSD_URL',
    'udp://127.0.0.1:8125',
    '`udp://`, `tcp://`, or `unix:///path` of a stream socket (Node has no Unix datagrams)',
    as.url('udp', 'tcp', 'unix'),
  ),
  statsdDialect: row(
    'SIGHTLINE_STATSD_DIALECT',
    'hierarchy',
    '`hierarchy` (also what Graphite reads), `dogstatsd`, `influx`: names with tags',
    as.oneOf('hierarchy', 'dogstatsd', 'influx'),
  ),
  metricSeriesLimit: row(
    'SIGHTLINE_METRIC_SERIES_LIMIT',
    '2000',
    'series a metric may have; beyond: one `__other__` series and a counter',
    as.integer(1, 1_000_000),
  ),
  correlationHeaders: row(
    'SIGHTLINE_CORRELATION_HEADERS',
    'x-correlation-id,x-request-id',
    'accepted in this order; the first is the one we send',
    as.headerNames,
  ),
  trustInbound: row(
    'SIGHTLINE_TRUST_INBOUND',
    'true',
    '`false` at a public edge: inbound trace becomes a link, inbound ID is kept as a field only, sampling flags ignored',
    as.boolean,
  ),
  propagateHosts: row(
    'SIGHTLINE_PROPAGATE_HOSTS',
    '*',
    'to whom trace and correlation headers go; `!host` excludes',
    as.list,
  ),
  baggageHosts: row(
    'SIGHTLINE_BAGGAGE_HOSTS',
    'localhost, private IP literals, single-label names',
    'to whom baggage is sent on',
    as.list,
  ),
  ignorePaths: row(
    'SIGHTLINE_IGNORE_PATHS',
    '/livez,/readyz,/healthz,/health,/metrics,/favicon.ico',
    'inbound paths that make no span and no access line (exact; trailing `*` = prefix); still counted in metrics',
    as.list,
  ),
  adminPort: row(
    'SIGHTLINE_ADMIN_PORT',
    '9470',
    '`0` = any free port, `off` = none. Not set and taken: the next free one, said once. Set and taken: a coded error and no admin port; the app runs',
    as.portOrOff,
  ),
  adminHost: row('SIGHTLINE_ADMIN_HOST', '127.0.0.1', 'address that the admin port binds to', as.text),
  adminToken: row(
    'SIGHTLINE_ADMIN_TOKEN',
    '–',
    'needed off loopback for everything but `/metrics`, `/livez`, `/readyz`',
    as.text,
    true,
  ),
  delivery: row(
    'SIGHTLINE_DELIVERY',
    'journal',
    '`journal` (nothing lost), `direct` (the stock exporters)',
    as.oneOf('journal', 'direct'),
  ),
  dataDir: row(
    'SIGHTLINE_DATA_DIR',
    '`$XDG_STATE_HOME/sightline` (else `~/.local/state/sightline`, else the temp directory; the first that can be written)',
    'journal, dead letters, target files',
    as.text,
  ),
  journalMax: row('SIGHTLINE_JOURNAL_MAX', '512mb', 'what the journal of one service may take', as.bytes),
  journalMaxAge: row('SIGHTLINE_JOURNAL_MAX_AGE', '24h', 'what the journal of one service may keep', as.duration),
  redact: row(
    'SIGHTLINE_REDACT',
    'built-in key list',
    'extra keys, added; `-key` removes a built-in; a field of ours such as `url.query` is hidden too ([what is recorded](privacy.md))',
    as.text,
  ),
  shutdownTimeout: row('SIGHTLINE_SHUTDOWN_TIMEOUT', '3s', 'hard deadline of a flush', as.duration),
  drainTimeout: row('SIGHTLINE_DRAIN_TIMEOUT', '500ms', 'how long a signal waits for delivery', as.duration),
  diagLevel: row(
    'OTEL_LOG_LEVEL',
    'warn',
    'our own diagnostics, on stderr',
    as.oneOf('none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'),
  ),
  disabledInstrumentations: row(
    'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
    '–',
    'standard names (`http`, `undici`, `express`, `pino`, …)',
    as.list,
  ),
  enabledInstrumentations: row('OTEL_NODE_ENABLED_INSTRUMENTATIONS', '–', 'only these', as.list),
} satisfies Record<string, OptionRow<unknown>>;

export type OptionName = keyof typeof OPTIONS;
/** What was given, by code or environment, parsed; undefined = not given. */
export type GivenOptions = { readonly [Name in OptionName]: ReturnType<(typeof OPTIONS)[Name]['parse']> | undefined };
/** What `observe()` takes: the text of the environment variable, or the natural JavaScript value. */
export type ObserveOptions = {
  readonly [Name in OptionName]?: string | number | boolean | readonly string[] | Readonly<Record<string, string>>;
};

/** The value as an environment variable would spell it. @throws Unacceptable */
function spell(value: unknown): string {
  try {
    if (Array.isArray(value)) return value.join(',');
    if (typeof value === 'object' && value !== null) {
      return Object.entries(value)
        .map(([key, member]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(member))}`)
        .join(',');
    }
    return `${value as string}`;
  } catch {
    // Symbols, objects without a text, lone surrogates, getters that throw.
    throw new as.Unacceptable('wanted a text, a number, true, false, or a list or object of them');
  }
}

/**
 * Parses everything that was given. An empty environment variable counts as not given (OpenTelemetry, "Environment
 * Variable Specification", empty value).
 *
 * @returns the parsed values and *all* mistakes, each one sentence: got, wanted, what to do
 */
export function readOptions(code: ObserveOptions, env: NodeJS.ProcessEnv): { given: GivenOptions; mistakes: string[] } {
  const given: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [name, option] of Object.entries(OPTIONS) as [OptionName, OptionRow<unknown>][]) {
    const fromCode = code[name];
    const fromEnv = env[option.env];
    if (fromCode === undefined && (fromEnv === undefined || fromEnv.trim() === '')) continue;
    let value = fromCode === undefined ? fromEnv : undefined;
    try {
      if (fromCode !== undefined) value = spell(fromCode);
      given[name] = option.parse(value as string);
    } catch (error) {
      if (!(error instanceof as.Unacceptable)) throw error;
      const got = option.secret ? '(secret)' : value === undefined ? typeof fromCode : as.shown(value);
      mistakes.push(
        `${fromCode !== undefined ? `option ${name}` : option.env}: got ${got}, ${as.inLine(error.message)}; correct or unset it`,
      );
    }
  }
  for (const name of Object.keys(code)) {
    if (!Object.hasOwn(OPTIONS, name))
      mistakes.push(
        `option ${as.shown(name).slice(1, -1)}: got an option that does not exist, wanted one of docs/configuration.md; remove it`,
      );
  }
  return { given: given as GivenOptions, mistakes };
}
