/** Where a piece of data is found, by the name of the field that holds it; empty = nowhere. */
export interface Findings {
  /** Tags of spans. */
  readonly spans: readonly string[];
  /** Fields of log documents. */
  readonly logs: readonly string[];
  /** Labels of `/metrics`. */
  readonly metrics: readonly string[];
  /** `name` when it is part of the name of a StatsD metric. */
  readonly statsd: readonly string[];
  /** Headers that we send to the next service. */
  readonly next: readonly string[];
}

/** One piece of data that may be about a person, or lead to one. */
export interface PrivacyField extends Partial<Findings> {
  readonly what: string;
  /** Environment variable and value that leave it out everywhere. */
  readonly off?: `${string}=${string}`;
  /** What to do where no option does it, or what to know. */
  readonly note?: string;
}

const NOT_RECORDED = 'never recorded by itself';

/**
 * What is recorded by default: of a request, of what the app says, of the machine. docs/privacy.md is made of it, and a test sends each
 * through an app, looks where it went, and switches off what can be.
 */
export const PRIVACY_FIELDS = {
  path: {
    what: 'path of a request, with what is in it (`/users/jane`)',
    spans: ['url.path'],
    logs: ['message', 'url.path'],
    off: 'SIGHTLINE_REDACT=url.path',
    note: 'the route (`/users/:id`) stays; metrics have the route alone',
  },
  query: { what: 'query of a request', spans: ['url.query'], off: 'SIGHTLINE_REDACT=url.query' },
  querySecret: { what: 'query value under a secret name (`token`)' },
  userAgent: { what: '`User-Agent`', spans: ['user_agent.original'], off: 'SIGHTLINE_CLIENT_DETAILS=none' },
  clientAddress: {
    what: 'address of the connection',
    spans: ['client.address'],
    off: 'SIGHTLINE_CLIENT_DETAILS=none',
    note: 'behind a proxy that of the proxy',
  },
  forwardedFor: { what: '`X-Forwarded-For`', note: NOT_RECORDED },
  host: {
    what: '`Host`, which may name a tenant',
    spans: ['server.address'],
    off: 'SIGHTLINE_REDACT=server.address',
    note: 'also hides it in spans of outbound calls',
  },
  header: { what: 'any other header', note: NOT_RECORDED },
  referer: { what: '`Referer`', note: NOT_RECORDED },
  cookie: { what: 'cookies', note: NOT_RECORDED },
  basicAuth: { what: '`Authorization`', note: NOT_RECORDED },
  body: { what: 'body of a request', note: NOT_RECORDED },
  responseHeader: { what: 'header of a response', note: NOT_RECORDED },
  responseBody: { what: 'body of a response', note: NOT_RECORDED },
  correlationId: {
    what: 'correlation ID that a client chose',
    spans: ['correlation.id'],
    logs: ['correlation.id', 'http.request.id'],
    next: ['x-correlation-id'],
    off: 'SIGHTLINE_CORRELATION_HEADERS=x-own-id',
    note: 'a name that only your own callers know; it is also sent back in the response',
  },
  baggage: {
    what: 'baggage',
    next: ['baggage'],
    off: 'OTEL_PROPAGATORS=tracecontext,b3',
    note: 'to `SIGHTLINE_BAGGAGE_HOSTS` alone; never recorded',
  },
  traceState: {
    what: '`tracestate`',
    next: ['tracestate'],
    off: 'OTEL_PROPAGATORS=b3',
    note: 'never recorded',
  },
  logMessage: {
    what: 'message of a log line of the app',
    logs: ['message'],
    note: 'what the app says is the app’s: word it otherwise, or raise the level of its logger',
  },
  logField: { what: 'field of a log line (here `customer`)', logs: ['customer'], off: 'SIGHTLINE_REDACT=customer' },
  logSecret: { what: 'field under a secret name (`password`)' },
  spanAttribute: {
    what: 'attribute that the app sets on a span (here `customer`)',
    spans: ['customer'],
    off: 'SIGHTLINE_REDACT=customer',
  },
  spanSecret: { what: 'attribute under a secret name (`customer.token`)' },
  metricLabel: {
    what: 'label value of a metric of the app (here `kind`)',
    metrics: ['kind'],
    statsd: ['name'],
    note: 'a label is no place for names of people: take it out',
  },
  outboundPath: {
    what: 'path of an outbound call',
    spans: ['url.full'],
    off: 'SIGHTLINE_REDACT=url.full',
    note: 'metrics have host and port alone',
  },
  outboundQuery: { what: 'query of an outbound call', spans: ['url.full'], off: 'SIGHTLINE_REDACT=url.full' },
  errorMessage: {
    what: 'message of an error that a request failed with',
    spans: ['error', 'exception.message', 'exception.stacktrace'],
    logs: ['error.message', 'error.stack_trace', 'message'],
    note: 'word errors without people in them',
  },
  errorSecret: { what: 'pair with a secret name in such a message (`password=…`)' },
  sourceFile: {
    what: 'paths of source files, which may hold the name of a user',
    spans: ['exception.stacktrace'],
    logs: ['error.stack_trace'],
    note: 'run the app from a neutral directory',
  },
  hostName: {
    what: 'name of the machine',
    logs: ['host.hostname'],
    statsd: ['name'],
    off: 'SIGHTLINE_HOST=host-1',
    note: 'also `host.name` of the resource with OTLP, and, whatever this is set to, in the name of the target file for Prometheus',
  },
  argument: { what: 'arguments of the process', note: NOT_RECORDED },
  environment: { what: 'environment of the process', note: NOT_RECORDED },
} as const satisfies Record<string, PrivacyField>;

/** One of the list, with nothing left out. */
export function findingsOf(field: PrivacyField): Findings {
  const { spans = [], logs = [], metrics = [], statsd = [], next = [] } = field;
  return { spans, logs, metrics, statsd, next };
}
