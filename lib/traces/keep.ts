import { type SpanData, StatusCode } from '../model/span.ts';

/** What the verdict looks at. */
export type JudgedSpan = Pick<SpanData, 'spanId' | 'statusCode' | 'durationMicros'>;

/** `SIGHTLINE_TRACES_KEEP`: which requests are kept although the sampler did not choose them. */
export interface KeepPolicy {
  /** Those that failed: the span of the request has status ERROR. */
  readonly errors: boolean;
  /** Those that took at least so long, microseconds; undefined = however long. */
  readonly slowMicros: number | undefined;
}

const MICROS = { ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;

/**
 * Parses `errors`, `slow:<duration>` or both, comma separated (`errors,slow:1s`); a bare number is milliseconds.
 *
 * @throws Error one sentence: got, wanted, do
 */
export function parseKeepPolicy(text: string): KeepPolicy {
  let errors = false;
  let slowMicros: number | undefined;
  for (const member of text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')) {
    const slow = /^slow:\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/i.exec(member);
    if (member === 'errors') errors = true;
    else if (slow !== null)
      slowMicros = Math.round(Number(slow[1]) * MICROS[(slow[2] ?? 'ms').toLowerCase() as keyof typeof MICROS]);
    else {
      throw new Error(
        `got ${JSON.stringify(member)}, wanted errors, slow:<duration> or both, such as errors,slow:1s; correct SIGHTLINE_TRACES_KEEP`,
      );
    }
  }
  return Object.freeze({ errors, slowMicros });
}

/** Spans of one request that wait for its verdict; beyond it they are let go, the request's own span never. */
export const MAX_WAITING_PER_REQUEST = 256;
/** Spans of all requests that wait: bounds the memory of a service with many slow, unsampled requests (about 1 KiB each). */
export const MAX_WAITING = 16_384;

/** How many spans wait at this moment, over all families of an engine. */
export interface Waiting {
  count: number;
}

/**
 * The unsampled spans of one request in this process: they wait until the span that started it (the local root) ends, and then go
 * or stay together.
 */
export class SpanFamily<Kept extends JudgedSpan = SpanData> {
  private readonly policy: KeepPolicy;
  private readonly waiting: Waiting;
  private headId = '';
  private spans: Kept[] = [];
  private verdict: 'open' | 'kept' | 'dropped' = 'open';

  constructor(policy: KeepPolicy, waiting: Waiting) {
    this.policy = policy;
    this.waiting = waiting;
  }

  /** Names the span whose end is the verdict: the first one that joins. */
  join(spanId: string): void {
    if (this.headId === '') this.headId = spanId;
  }

  /** A member has ended. Those that outlive the request (background work) follow the verdict. */
  ended(span: Kept, emit: (span: Kept) => void): void {
    if (span.spanId === this.headId) this.decide(span, emit);
    else if (this.verdict === 'kept') emit(span);
    else if (this.verdict === 'open') this.wait(span);
  }

  private wait(span: Kept): void {
    if (this.spans.length >= MAX_WAITING_PER_REQUEST || this.waiting.count >= MAX_WAITING) return;
    this.spans.push(span);
    this.waiting.count += 1;
  }

  private decide(head: Kept, emit: (span: Kept) => void): void {
    const { errors, slowMicros } = this.policy;
    const failed = errors && head.statusCode === StatusCode.ERROR;
    const slow = slowMicros !== undefined && head.durationMicros >= slowMicros;
    this.verdict = failed || slow ? 'kept' : 'dropped';
    const spans = this.spans;
    this.spans = [];
    this.waiting.count -= spans.length;
    if (this.verdict === 'dropped') return;
    for (const span of spans) emit(span);
    emit(head);
  }
}
