import type { ServerResponse } from 'node:http';

/** An answer that takes nothing. */
export interface FaultAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the receiver does with a request instead of taking it. */
export type Fault =
  | FaultAnswer
  /** Takes it, and answers this much later, milliseconds. */
  | { readonly slowMillis: number }
  /** 413 for bodies of more bytes; others are taken. */
  | { readonly largestBytes: number }
  /** Takes all but every n-th record: `_bulk` says so for each item, OTLP with how many; other protocols cannot, and take all. */
  | {
      readonly every: number;
      readonly item: { readonly status: number; readonly type: string; readonly reason: string };
    }
  /** Takes everything, then closes the connection without an answer: the lost acknowledgement. */
  | 'lose-answer'
  /** Closes the connection before reading. */
  | 'reset'
  /** Never answers; the connection stays open. */
  | 'hang';

const PAGE = { 'content-type': 'text/html; charset=utf-8' } as const;

function retryAfter(seconds: number | undefined): { headers?: Readonly<Record<string, string>> } {
  return seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } };
}

/** The faults that backends and what stands before them really show, by name: for `receiver.fail` and `receiver.outage`. */
export const faults = {
  /** The connection stays open, nothing is ever answered: a backend that is stopped or overloaded. */
  hang: 'hang',
  /** The connection is closed before anything is read. */
  reset: 'reset',
  /** All is stored, and the answer never arrives: who sends again makes copies, unless they have an ID. */
  loseAnswer: 'lose-answer',
  /** 429. @param retryAfterSeconds without it, the header is absent */
  tooManyRequests: (retryAfterSeconds?: number): Fault => ({ status: 429, ...retryAfter(retryAfterSeconds) }),
  /** 503. @param retryAfterSeconds without it, the header is absent */
  unavailable: (retryAfterSeconds?: number): Fault => ({ status: 503, ...retryAfter(retryAfterSeconds) }),
  /** 413 for bodies of more than `largestBytes`; smaller ones are taken. */
  tooLarge: (largestBytes: number): Fault => ({ largestBytes }),
  /** Every n-th record is not taken, the rest is. @param status 429: it passes; 400: it never will be taken */
  partial: (every: number, status: 400 | 429 = 429): Fault => ({
    every,
    item:
      status === 429
        ? { status, type: 'es_rejected_execution_exception', reason: 'rejected execution of primary operation' }
        : { status, type: 'document_parsing_exception', reason: '[1:2] failed to parse field [a] of type [long]' },
  }),
  /** Taken, and answered this much later. @param millis milliseconds */
  slow: (millis: number): Fault => ({ slowMillis: millis }),
  /** 502 with the web page of a proxy. */
  badGateway: { status: 502, headers: PAGE, body: '<html><h1>502 Bad Gateway</h1></html>' },
  /** 200 with a web page: a login form that somebody put before the backend. */
  webPage: { status: 200, headers: PAGE, body: '<html><form>sign in</form></html>' },
  /** 302 to another address. */
  redirect: (location: string): Fault => ({ status: 302, headers: { location } }),
  /** 401 or 403. */
  refused: (status: 401 | 403 = 401): Fault => ({ status, body: '{"error":"security_exception"}' }),
} as const satisfies Record<string, Fault | ((...parameters: never[]) => Fault)>;

/** What a fault leaves to be done: the answer has been given, nothing is to be, or the request is to be taken. */
export type FaultEffect = 'answered' | 'silent' | 'take';

/** Applies what of a fault comes before the records are looked at. @param bytes of the body as it came */
export function applyFault(fault: Fault | undefined, bytes: number, response: ServerResponse): FaultEffect {
  if (fault === undefined || fault === 'lose-answer') return 'take';
  if (fault === 'hang' || fault === 'reset') return 'silent';
  if ('status' in fault) {
    response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    return 'answered';
  }
  if ('largestBytes' in fault && bytes > fault.largestBytes) {
    response.writeHead(413).end('{"error":"content too long"}');
    return 'answered';
  }
  return 'take';
}
