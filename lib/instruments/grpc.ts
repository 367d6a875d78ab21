/** gRPC over HTTP/2 as it is on the wire (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md): no library is looked at. */
import type { Attributes } from '@opentelemetry/api';

/** Names of `grpc-status`, by number. */
const STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;
/** What is the server's fault, by OpenTelemetry's conventions for gRPC; the others are answers. */
const SERVER_FAULTS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);
const STATUS = 'grpc-status';
/** Longest message kept, characters. */
const MAX_MESSAGE = 1024;
/** Not gRPC-Web, whose trailers are in the body. */
const CONTENT_TYPE = /^application\/grpc(?:$|[+;])/;
const PATH = /^\/([\w.]+)\/(\w+)$/;

type Headers = Readonly<Record<string, unknown>> | undefined;

/** One call: what was called, and once it is known, what became of it. */
export interface RpcCall {
  readonly service: string;
  readonly method: string;
  /** Undefined until the status has come. */
  code: number | undefined;
  /** Of a failed call, cleaned by nobody yet. */
  message: string | undefined;
}

/** The call that a request is by its content type and path; undefined when it is none. */
export function rpcCall(contentType: unknown, path: unknown): RpcCall | undefined {
  if (typeof contentType !== 'string' || typeof path !== 'string' || !CONTENT_TYPE.test(contentType)) return undefined;
  const [, service, method] = PATH.exec(path) ?? [];
  return service === undefined || method === undefined
    ? undefined
    : { service, method, code: undefined, message: undefined };
}

function decoded(message: unknown): string | undefined {
  if (typeof message !== 'string') return undefined;
  try {
    return decodeURIComponent(message.slice(0, MAX_MESSAGE));
  } catch {
    return message.slice(0, MAX_MESSAGE);
  }
}

/** Reads the status where it is: in the trailers, or in the head when there is nothing else. */
export function readStatus(call: RpcCall, headers: Headers): void {
  const text = headers?.[STATUS];
  const code = typeof text === 'string' || typeof text === 'number' ? Number(text) : Number.NaN;
  if (!Number.isInteger(code) || STATUS_NAMES[code] === undefined) return;
  call.code = code;
  if (code !== 0) call.message = decoded(headers?.['grpc-message']);
}

/** Why a call counts as failed: the name of its status. A server answers for some of them alone, a client for all. */
export function rpcFailure({ code }: RpcCall, side: 'client' | 'server'): string | undefined {
  const name = code === undefined ? undefined : STATUS_NAMES[code];
  if (name === undefined || name === 'OK') return undefined;
  return side === 'client' || SERVER_FAULTS.has(name) ? name : undefined;
}

/** Whether what was called is a method that the server has: of any other, a caller chooses the name. */
export function isImplemented({ code }: RpcCall): boolean {
  return code !== undefined && STATUS_NAMES[code] !== 'UNIMPLEMENTED';
}

/** Name of the span, as OpenTelemetry's conventions for RPC have it. */
export function rpcName({ service, method }: RpcCall): string {
  return `${service}/${method}`;
}

export function rpcAttributes(call: RpcCall): Attributes {
  return {
    'rpc.system': 'grpc',
    'rpc.service': call.service,
    'rpc.method': call.method,
    ...(call.code !== undefined && { 'rpc.grpc.status_code': call.code }),
  };
}
