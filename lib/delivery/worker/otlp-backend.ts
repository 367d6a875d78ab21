import {
  encodeLogs,
  encodeTraces,
  mergeLogs,
  mergeSpans,
  parsePartialSuccess,
  type ResourceSpans,
} from '../../codec/otlp.ts';
import { otlpLogOf } from '../../codec/otlp-log.ts';
import type { Signal } from '../../model/telemetry-sink.ts';
import { type OtlpDestination, shownAddress } from '../delivery-options.ts';
import { TLS_VARIABLES } from '../tls-files.ts';
import {
  type Backend,
  type ItemOutcome,
  type Verdict,
  verdictOfError,
  verdictOfPage,
  verdictOfStatus,
} from './backend.ts';
import { Credentials } from './credentials.ts';
import { HttpPost } from './http-post.ts';
import type { Parcel } from './parcel.ts';

interface Item {
  readonly id: string;
  readonly record: ReturnType<Parcel['record']>;
}

/** Characters of a collector's words that are kept. */
const MAX_REASON = 300;
const REJECTED = 'see what the collector says, correct its configuration, then send it again with: sightline dlq retry';
const UNREADABLE = 'it is no record of ours: export it to look at it, then drop it with: sightline dlq drop';

/**
 * OTLP/HTTP (OpenTelemetry, "OTLP Specification"): a batch is taken, taken in part, or not taken. What a collector rejects
 * of a batch it does not name and it must not be sent again: it is counted as dropped with the reason `rejected`; when it
 * is the whole batch, its records are dead letters.
 */
export function createOtlpBackend(
  signal: Signal,
  options: OtlpDestination & { readonly timeoutMillis: number },
): Backend {
  const json = options.protocol === 'http/json';
  const url = new URL(options.url);
  const { headers, headersFile } = options;
  const post = new HttpPost({
    url,
    headers: {},
    credentials: new Credentials({
      url,
      headersFile,
      headers: { ...headers, 'content-type': json ? 'application/json' : 'application/x-protobuf' },
      variables: { headers: 'SIGHTLINE_OTLP_HEADERS_FILE' },
    }),
    files: options,
    variables: TLS_VARIABLES.otlp,
    timeoutMillis: options.timeoutMillis,
    compress: options.gzip,
  });
  const encode = signal === 'spans' ? encodeSpanItems : encodeLogItems;
  return {
    address: shownAddress(options.url),
    async send(parcel: Parcel): Promise<Verdict> {
      const items = Array.from({ length: parcel.length }, (_, at) => ({
        id: parcel.id(at),
        record: parcel.record(at),
      }));
      const encoded = encode(items, json);
      if (!Buffer.isBuffer(encoded)) return { kind: 'items', outcomes: encoded };
      try {
        const answer = await post.post(encoded);
        const verdict = verdictOfStatus(answer) ?? verdictOfPage(answer);
        if (verdict !== undefined) return verdict;
        const partial = parsePartialSuccess(answer.contentType, answer.bytes);
        if (partial === undefined) return { kind: 'delivered' };
        if (partial.rejected < items.length) return { kind: 'delivered', rejected: partial.rejected };
        const response = partial.message.slice(0, MAX_REASON);
        const refusal = { reason: `rejected: ${response}`, fix: REJECTED, status: answer.status, response };
        return { kind: 'items', outcomes: items.map(() => ({ kind: 'rejected', ...refusal })) };
      } catch (error) {
        return verdictOfError(error);
      }
    },
    close: () => post.close(),
  };
}

/** One member for each item; when some cannot be read, outcomes instead: those are rejected, the others come again without them. */
function readItems<Member>(
  items: readonly Item[],
  read: (item: Item) => Member,
): Member[] | { readonly outcomes: ItemOutcome[] } {
  const members: Member[] = [];
  const outcomes: ItemOutcome[] = [];
  for (const item of items) {
    try {
      members.push(read(item));
      outcomes.push({ kind: 'retry', reason: 'one beside it cannot be read' });
    } catch (error) {
      const reason = `cannot be read: ${String(error)}`.slice(0, MAX_REASON);
      outcomes.push({ kind: 'rejected', reason, fix: UNREADABLE, status: null, response: '' });
    }
  }
  return members.length === items.length ? members : { outcomes };
}

function encodeSpanItems(items: readonly Item[], json: boolean): Buffer | ItemOutcome[] {
  const read = readItems(
    items,
    ({ record }) => mergeSpans([JSON.parse(record.payload.toString()) as ResourceSpans])[0]!,
  );
  if (!Array.isArray(read)) return read.outcomes;
  const resourceSpans = mergeSpans(read);
  return json ? Buffer.from(JSON.stringify({ resourceSpans })) : encodeTraces(resourceSpans);
}

function encodeLogItems(items: readonly Item[], json: boolean): Buffer | ItemOutcome[] {
  const read = readItems(items, ({ id, record }) => otlpLogOf(record.payload.toString(), id, record.timeMillis));
  if (!Array.isArray(read)) return read.outcomes;
  const resourceLogs = mergeLogs(read);
  return json ? Buffer.from(JSON.stringify({ resourceLogs })) : encodeLogs(resourceLogs);
}
