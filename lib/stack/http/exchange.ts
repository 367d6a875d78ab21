import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type BodyBudget, readBody } from './body.ts';

/** One HTTP request as a backend's API sees it: the mount prefix taken off, the body still to be read. */
export class Exchange {
  readonly method: string;
  /** Decoded by nobody yet: path segments may hold percent-encoded slashes. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly #request: IncomingMessage;
  readonly #budget: BodyBudget;

  constructor(request: IncomingMessage, target: { path: string; query: URLSearchParams }, budget: BodyBudget) {
    this.method = request.method ?? 'GET';
    this.path = target.path;
    this.query = target.query;
    this.headers = request.headers;
    this.#request = request;
    this.#budget = budget;
  }

  /** Path segments, percent-decoded. A segment that is not valid percent-encoding stays as it is. */
  get segments(): string[] {
    return this.path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decode);
  }

  /**
   * The body, decompressed.
   *
   * @param limit bytes after decompression
   * @throws BodyTooLarge, BodyMalformed, BodiesBusy
   */
  body(limit: number): Promise<Buffer> {
    return readBody(this.#request, limit, this.#budget);
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

export function textReply(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: text };
}

/** Why a request was not served before or beside its own logic; each API words it in its own error shape. */
export interface Refusal {
  readonly status: number;
  /** One sentence. */
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One backend's HTTP API. Served under a prefix of the one port, and at the root of its native port. */
export interface BackendApi {
  handle(exchange: Exchange): Promise<Reply>;
  /** @param headers of the request, for those that answer in the form that they were asked in */
  refuse(refusal: Refusal, headers: IncomingHttpHeaders): Reply;
}
