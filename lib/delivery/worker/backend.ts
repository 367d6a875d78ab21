import type { BulkOutcome, Refusal } from '../../codec/es-bulk.ts';
import type { Answer } from './http-post.ts';
import type { Parcel } from './parcel.ts';

export type ItemOutcome = BulkOutcome;

/** What one request came to. */
export type Verdict =
  /** An outcome for each record, in order. */
  | { readonly kind: 'items'; readonly outcomes: readonly ItemOutcome[] }
  /** Everything was taken, but for `rejected` of it, less than all: the backend tells only how many. */
  | { readonly kind: 'delivered'; readonly rejected?: number }
  /** The connection took everything; this protocol has no acknowledgement. */
  | { readonly kind: 'sent' }
  /** Nothing is known to be taken; the same again later. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMillis: number | undefined }
  /** Something in it will never be taken: smaller parts tell what. */
  | ({ readonly kind: 'refused' } & Refusal);

/** The protocol of one backend. */
export interface Backend {
  /** As it may be shown. */
  readonly address: string;
  send(parcel: Parcel): Promise<Verdict>;
  close(): void;
}

/** Part of an answer's body that is worth repeating, characters. */
const MAX_SHOWN = 300;

const TOO_LARGE =
  'log less in one record, or raise the body limit of the backend or of the proxy before it (Elasticsearch: http.max_content_length), then send it again with: sightline dlq retry';
const MALFORMED =
  'see what the answer says is wrong with it; when the backend or the address has been corrected, send it again with: sightline dlq retry';

/** Proxies that miss TLS or a client certificate say so with 400 too (nginx 495 to 497, Go's server): no word about the records. */
const OF_TLS = /\b(?:SSL|TLS) certificate\b|\bto (?:an )?HTTPS (?:port|server)\b/i;

/** The verdict that a status alone gives; undefined for 2xx. */
export function verdictOfStatus(answer: Answer): Verdict | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const text = answer.body.replace(/\s+/g, ' ').trim().slice(0, MAX_SHOWN);
  const reason = `HTTP ${status}${text === '' ? '' : ` ${text}`}`;
  // 400 and 422: something in the body; 413: too much of it. Everything else, redirects, credentials and wrong paths
  // included, says nothing about the records and is mended outside.
  if ((status === 400 && !OF_TLS.test(text)) || status === 413 || status === 422)
    return { kind: 'refused', reason, fix: status === 413 ? TOO_LARGE : MALFORMED, status, response: text };
  return { kind: 'failed', reason, retryAfterMillis: answer.retryAfterMillis };
}

/** The verdict on a page with 2xx, of a proxy or of a wrong path: it is no acknowledgement. */
export function verdictOfPage(answer: Answer): Verdict | undefined {
  if (!answer.contentType.startsWith('text/html')) return undefined;
  return {
    kind: 'failed',
    reason: `HTTP ${answer.status} with a web page instead of an answer`,
    retryAfterMillis: undefined,
  };
}

/** A failure to get an answer at all. */
export function verdictOfError(error: unknown): Verdict {
  const { code, message } = error as NodeJS.ErrnoException;
  const inner = (error as AggregateError).errors?.[0] as NodeJS.ErrnoException | undefined;
  return { kind: 'failed', reason: message || (code ?? inner?.message ?? 'no answer'), retryAfterMillis: undefined };
}
