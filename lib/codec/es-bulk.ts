import { explainEsRefusal } from './es-refusal.ts';
import { jsonString } from './json-string.ts';

/** Why a record will never be taken as it is. */
export interface Refusal {
  /** One sentence. */
  readonly reason: string;
  /** What to do about it, one sentence. */
  readonly fix: string;
  /** HTTP status; null without an answer. */
  readonly status: number | null;
  /** Excerpt of the answer. */
  readonly response: string;
}

/** What became of one document of a `_bulk` request. */
export type BulkOutcome =
  | { readonly kind: 'delivered' }
  /** The cluster is busy: the same document may be taken later. */
  | { readonly kind: 'retry'; readonly reason: string }
  /** It will never be taken as it is. */
  | ({ readonly kind: 'rejected' } & Refusal);

/** Documents where they are, asked for by number: a batch has thousands. Each is one JSON object, UTF-8, without line ends. */
export interface BulkDocuments {
  readonly length: number;
  /** Bytes of all documents. */
  readonly bytes: number;
  /** `_id`: the same for every attempt, so that a document is stored once. At most 512 bytes (Elasticsearch limit). */
  id(at: number): string;
  /** Bytes of one document. */
  size(at: number): number;
  /** Copies one document to `target`. @returns where it ends there */
  copyTo(target: Buffer, start: number, at: number): number;
}

/** Longest reason kept, characters: a mapping error repeats the document. */
const MAX_REASON = 500;
const DELIVERED: BulkOutcome = { kind: 'delivered' };
const CLEAN_START = '{"errors":false,"items":[';
const CLEAN_ITEM = '{"create":{"status":201}}';
const NEW_LINE = 0x0a;
/** What the line before a document usually takes, bytes; more is made room for when it comes. */
const ACTION_BYTES = 64;
/** What a UTF-16 unit takes in UTF-8 at most, bytes. */
const BYTES_OF_CHARACTER = 3;

/** Only what `parseBulkResponse` reads: a 201 is then 25 bytes instead of 250. */
export const BULK_FILTER = 'filter_path=errors,error,items.*.status,items.*.error.type,items.*.error.reason';

/**
 * The address of the `_bulk` API for one data stream or index. A query that the base has (a tenant, a token) is kept.
 * @param base as configured, with or without a path and a trailing slash
 */
export function bulkUrl(base: string, stream: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${encodeURIComponent(stream)}/_bulk`;
  url.search = url.search === '' ? `?${BULK_FILTER}` : `${url.search}&${BULK_FILTER}`;
  url.hash = '';
  return url;
}

/**
 * The body of a `_bulk` request: newline-delimited JSON with `create`, the only action that data streams take and the one
 * that makes a repeated document a conflict instead of a copy (Elasticsearch, "Bulk API").
 */
export function bulkBody(documents: BulkDocuments): Buffer {
  let body = Buffer.allocUnsafeSlow(documents.bytes + documents.length * ACTION_BYTES);
  let end = 0;
  for (let at = 0; at < documents.length; at += 1) {
    const action = `{"create":{"_id":${jsonString(documents.id(at))}}}\n`;
    const wanted = end + action.length * BYTES_OF_CHARACTER + documents.size(at) + 1;
    if (wanted > body.length) {
      const larger = Buffer.allocUnsafeSlow(wanted + body.length);
      body.copy(larger, 0, 0, end);
      body = larger;
    }
    end += body.write(action, end);
    end = documents.copyTo(body, end, at);
    body[end] = NEW_LINE;
    end += 1;
  }
  return body.subarray(0, end);
}

/**
 * The answer to a request of which every document was created is known byte for byte, and nearly every answer is that one:
 * it need not be parsed. Anything else, also in another order or with spaces, is for `parseBulkResponse`.
 * @param text body of a 2xx answer
 * @param count documents sent
 */
export function isCleanBulkResponse(text: string, count: number): boolean {
  if (count === 0 || text.length !== CLEAN_START.length + (CLEAN_ITEM.length + 1) * count + 1) return false;
  return text === `${CLEAN_START}${`${CLEAN_ITEM},`.repeat(count - 1)}${CLEAN_ITEM}]}`;
}

interface BulkItem {
  readonly status?: unknown;
  readonly error?: unknown;
}

/**
 * Reads the answer to `bulkBody`.
 * @param text body of a 2xx answer
 * @param count documents sent
 * @returns one outcome a document, in order; or undefined when it is no `_bulk` answer (a proxy's page, cut off, wrong count):
 *   then nothing is known and all must be sent again
 */
export function parseBulkResponse(text: string, count: number): BulkOutcome[] | undefined {
  let items: unknown;
  try {
    items = (JSON.parse(text) as { items?: unknown } | null)?.items;
  } catch {
    return undefined;
  }
  if (!Array.isArray(items) || items.length !== count) return undefined;
  const outcomes: BulkOutcome[] = [];
  for (const item of items) {
    const result = Object.values((item ?? {}) as object)[0] as BulkItem | undefined;
    if (typeof result?.status !== 'number') return undefined;
    outcomes.push(outcomeOf(result.status, result.error));
  }
  return outcomes;
}

/** Whatever stands there: a proxy may have answered. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error ?? '');
  const { type, reason } = error as { readonly type?: unknown; readonly reason?: unknown };
  return [type, reason].filter((part) => typeof part === 'string').join(': ');
}

/** 409: the `_id` is there already, stored by an attempt whose answer was lost. */
function outcomeOf(status: number, error: unknown): BulkOutcome {
  if ((status >= 200 && status < 300) || status === 409) return DELIVERED;
  const reason = `${status} ${errorText(error)}`.trim().slice(0, MAX_REASON);
  // 408, 429 and 5xx pass; 401 and 403 are mended by an operator, not by throwing the document away.
  const passing = status >= 500 || status === 408 || status === 429 || status === 401 || status === 403;
  if (passing) return { kind: 'retry', reason };
  return { kind: 'rejected', ...explainEsRefusal(reason), status, response: reason };
}
