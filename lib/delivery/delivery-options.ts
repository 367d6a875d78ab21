import { createHash } from 'node:crypto';
import type { Resource } from '../model/resource.ts';
import type { TlsFiles } from './tls-files.ts';

export interface LogDestination extends TlsFiles {
  readonly kind?: 'elasticsearch' | undefined;
  /** Base address of Elasticsearch, with or without a path. */
  readonly url: string;
  /** Data stream or index. */
  readonly stream: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** As Elasticsearch encodes it (`id:key` in base64); wins over user name and password. */
  readonly apiKey?: string | undefined;
  /** File that holds it; wins. */
  readonly apiKeyFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** File that holds it; wins. */
  readonly passwordFile?: string | undefined;
}

/** Logstash instead of Elasticsearch. */
export interface LogstashDestination extends TlsFiles {
  readonly kind: 'logstash';
  /** `http(s)://` of an http input, `tcp://` or `tls://` of a tcp input with the codec `json_lines`. */
  readonly url: string;
  /** File of the password of the user in the address, for `http(s)://`. */
  readonly passwordFile?: string | undefined;
}

/** OTLP/HTTP, for one signal. */
export interface OtlpDestination extends TlsFiles {
  readonly kind: 'otlp';
  /** The whole address, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** File of further headers, a line `Name: value` each. */
  readonly headersFile?: string | undefined;
  readonly gzip: boolean;
  /** Default: as for the others. */
  readonly timeoutMillis?: number | undefined;
}

/** Zipkin v2. */
export interface ZipkinDestination extends TlsFiles {
  readonly kind?: 'zipkin' | undefined;
  /** Such as `http://127.0.0.1:9411/api/v2/spans`. */
  readonly url: string;
  /** File of the password of the user in the address. */
  readonly passwordFile?: string | undefined;
}

/** Pushgateway. */
export interface PushDestination extends TlsFiles {
  /** With job and instance in its path. */
  readonly url: string;
  /** File of the password of the user in the address. */
  readonly passwordFile?: string | undefined;
}

export interface StatsdDestination {
  /** `udp://host:port`, `tcp://host:port`, `unix:///path` of a stream socket. */
  readonly url: string;
  /** Over a Unix socket, each packet with its length before it, as DogStatsD has it; else lines. */
  readonly lengthPrefix?: boolean | undefined;
}

/** What delivery needs to know, however it is done. A destination that is `undefined` switches its signal off. */
export interface DeliveryOptions {
  readonly resource: Resource;
  readonly logs: LogDestination | LogstashDestination | OtlpDestination | undefined;
  readonly spans: ZipkinDestination | OtlpDestination | undefined;
  /** Spans are lines on standard output, and go nowhere else; `spans` is undefined then. */
  readonly consoleSpans?: boolean | undefined;
  readonly statsd: StatsdDestination | undefined;
  readonly push?: PushDestination | undefined;
  /** Takes one sentence when a backend goes down, when it is back, when the journal cannot be written. Default: `diag.notice`. */
  readonly onNotice?: ((text: string) => void) | undefined;
}

/** Limits and times of delivery: the defaults are the product, other values are for tests. */
export interface DeliveryTuning {
  /** A request is given up after this long. */
  readonly requestTimeoutMillis: number;
  /** How long the first record of an idle signal waits for company. */
  readonly gatherMillis: number;
  readonly backoffBaseMillis: number;
  readonly backoffCapMillis: number;
  /** Bytes of records in one request at most. */
  readonly batchBytes: number;
  /** Requests of one signal under way at most. */
  readonly window: number;
  /** How often orphaned journals are looked for. */
  readonly adoptionMillis: number;
}

export const DELIVERY_TUNING: DeliveryTuning = {
  requestTimeoutMillis: 10_000,
  gatherMillis: 150,
  backoffBaseMillis: 200,
  backoffCapMillis: 30_000,
  batchBytes: 1024 ** 2,
  window: 2,
  adoptionMillis: 30_000,
};

export interface JournalSinkOptions extends DeliveryOptions {
  /** Where journals live; made with mode 0700 when the first record comes. */
  readonly directory: string;
  /** What all journals of this service may take together, bytes. */
  readonly maxBytes: number;
  /** Records that could not be delivered for this long are dropped. */
  readonly maxAgeMillis: number;
  /** Says that a backend is down only once: for an address that nobody asked for. */
  readonly quiet?: boolean | undefined;
  readonly tuning?: Partial<DeliveryTuning> | undefined;
}

/** An address as it may be shown: without credentials and query. */
export function shownAddress(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? '(invalid address)' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/**
 * What a journal is meant for: who spoke and where to. Records are only ever sent where they were meant to go, so a
 * journal is adopted only under an equal fingerprint. Credentials are no part of it: they are renewed.
 */
export function destinationFingerprint(options: DeliveryOptions): string {
  const { logs, spans } = options;
  const parts = [
    options.resource.serviceName,
    logs && shownAddress(logs.url),
    logs?.kind === 'logstash' || logs?.kind === 'otlp' ? logs.kind : logs?.stream,
    spans && shownAddress(spans.url),
    // Spans are in the journal as their backend takes them.
    ...(spans?.kind === 'otlp' ? [spans.kind] : []),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
