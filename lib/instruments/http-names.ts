/** Names and values that the HTTP server and client instruments share; OpenTelemetry semantic conventions, "HTTP spans" (stable). */

import { OTHER_METHOD } from '../model/http-method.ts';

/** What a span of an unknown method is called instead of the method. */
const OTHER_METHOD_SPAN_NAME = 'HTTP';

/** The name of a span that knows no route. */
export function methodSpanName(method: string): string {
  return method === OTHER_METHOD ? OTHER_METHOD_SPAN_NAME : method;
}

/** `error.type` of a request whose other side went away before it was complete. */
export const ABORTED = 'aborted';

/** Longest name of an error class or code that becomes a label value. */
const MAX_ERROR_TYPE = 64;
const ERROR_TYPE = /^[A-Za-z_$][\w$.-]*$/;

/** An error as the low-cardinality value of `error.type`: its code, else its class. */
export function errorType(error: unknown): string {
  try {
    const { code, name } = error as { code?: unknown; name?: unknown };
    for (const value of [code, name]) {
      if (typeof value === 'string' && value.length <= MAX_ERROR_TYPE && ERROR_TYPE.test(value)) return value;
    }
  } catch {
    // A getter that throws, or no object at all.
  }
  return '_OTHER';
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** Longest `Host` value that is read; DNS names end at 253. */
const MAX_HOST = 300;

/** Splits the value of a `Host` header (RFC 9110 §7.2), brackets of IPv6 removed; undefined when it is no host. */
export function parseHost(value: string | undefined): HostAndPort | undefined {
  if (value === undefined || value === '' || value.length > MAX_HOST) return undefined;
  if (value.charCodeAt(0) === 91) {
    const end = value.indexOf(']');
    if (end < 0) return undefined;
    return { host: value.slice(1, end), port: parsePort(value.slice(end + 1)) };
  }
  const colon = value.indexOf(':');
  if (colon < 0) return { host: value, port: undefined };
  return { host: value.slice(0, colon), port: parsePort(value.slice(colon)) };
}

function parsePort(text: string): number | undefined {
  if (text.charCodeAt(0) !== 58) return undefined;
  const port = Number(text.slice(1));
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined;
}

/** Port that a scheme stands for. */
export function defaultPort(scheme: string): number {
  return scheme === 'https' ? 443 : 80;
}
