/** A span on the wire. Source: zipkin-api `zipkin2-api.yaml`, definition `Span`. */
export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';
  readonly name?: string;
  /** Microseconds since the epoch. */
  readonly timestamp?: number;
  /** Microseconds. */
  readonly duration?: number;
  readonly localEndpoint?: ZipkinEndpoint;
  readonly remoteEndpoint?: ZipkinEndpoint;
  readonly annotations?: readonly ZipkinAnnotation[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly debug?: boolean;
  readonly shared?: boolean;
}

export interface ZipkinEndpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

export interface ZipkinAnnotation {
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly value: string;
}

/** Tag that carries the correlation ID. */
export const CORRELATION_TAG = 'correlation.id';

/** Whether a span tells of a failure: Zipkin's `error` tag, whatever its value. */
export function spanFailed(span: ZipkinSpan): boolean {
  return span.tags !== undefined && Object.hasOwn(span.tags, 'error');
}

/** A span with its names as Zipkin keeps them: in lower case. */
export function withLowerNames(span: ZipkinSpan): ZipkinSpan {
  return {
    ...span,
    ...(span.name !== undefined && { name: span.name.toLowerCase() }),
    ...(span.localEndpoint !== undefined && { localEndpoint: lowerEndpoint(span.localEndpoint) }),
    ...(span.remoteEndpoint !== undefined && { remoteEndpoint: lowerEndpoint(span.remoteEndpoint) }),
  };
}

function lowerEndpoint(endpoint: ZipkinEndpoint): ZipkinEndpoint {
  return endpoint.serviceName === undefined
    ? endpoint
    : { ...endpoint, serviceName: endpoint.serviceName.toLowerCase() };
}
