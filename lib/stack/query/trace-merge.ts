import type { ZipkinEndpoint, ZipkinSpan } from '../zipkin-span.ts';

/**
 * The spans of one trace as they were meant: a span that was sent in pieces is one again, all have the longest trace ID, a
 * server that shares its span ID with its client is marked so and knows the parent of both.
 * Source: zipkin 3.6, `zipkin2.internal.Trace#merge`, re-expressed.
 */
export function mergeTrace(spans: readonly ZipkinSpan[]): ZipkinSpan[] {
  if (spans.length <= 1) return [...spans];
  const sorted = spans.toSorted(inOrder);
  const traceId = sorted.map((span) => span.traceId).find((id) => id.length === 32) ?? sorted.at(-1)!.traceId;
  const merged: ZipkinSpan[] = [];
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at]!;
    let span: ZipkinSpan = first.traceId.length === traceId.length ? first : { ...first, traceId };
    const endpoint = new KnownEndpoint(first.localEndpoint);
    at += 1;
    for (; at < sorted.length && sorted[at]!.id === first.id; at += 1) {
      const piece = sorted[at]!;
      if (isShared(piece) !== isShared(first) || !endpoint.takes(piece.localEndpoint)) break;
      span = joinPieces(span, piece);
    }
    merged.push(afterClient(span, first, merged.at(-1)));
  }
  return merged;
}

/** What a server span lacks that has the ID of the span before it, which the order makes its client. */
function afterClient(span: ZipkinSpan, firstPiece: ZipkinSpan, before: ZipkinSpan | undefined): ZipkinSpan {
  if (before === undefined || before.id !== span.id) return span;
  const shared = isShared(firstPiece) || (before.kind === 'CLIENT' && firstPiece.kind === 'SERVER');
  if (!shared) return span;
  const parentId = firstPiece.parentId ?? before.parentId ?? span.parentId;
  return { ...span, shared: true, ...(parentId !== undefined && { parentId }) };
}

/** What the first piece says stands, but for tags: of those the last piece wins. */
function joinPieces(one: ZipkinSpan, other: ZipkinSpan): ZipkinSpan {
  const annotations = [...(one.annotations ?? []), ...(other.annotations ?? [])];
  const local = joinEndpoints(one.localEndpoint, other.localEndpoint);
  const remote = joinEndpoints(one.remoteEndpoint, other.remoteEndpoint);
  return {
    ...other,
    ...one,
    ...(local !== undefined && { localEndpoint: local }),
    ...(remote !== undefined && { remoteEndpoint: remote }),
    ...(annotations.length > 0 && { annotations }),
    ...((one.tags ?? other.tags) !== undefined && { tags: { ...one.tags, ...other.tags } }),
  };
}

function joinEndpoints(one: ZipkinEndpoint | undefined, other: ZipkinEndpoint | undefined): ZipkinEndpoint | undefined {
  return one === undefined ? other : { ...other, ...one };
}

export function isShared(span: ZipkinSpan): boolean {
  return span.shared === true;
}

/** By ID; the client's side first, shared spans last; spans without endpoint before those that have one. */
function inOrder(one: ZipkinSpan, other: ZipkinSpan): number {
  if (one.id !== other.id) return one.id < other.id ? -1 : 1;
  const side = sideOf(one) - sideOf(other);
  return side === 0 || (isShared(one) && isShared(other)) ? byEndpoint(one.localEndpoint, other.localEndpoint) : side;
}

function sideOf(span: ZipkinSpan): number {
  if (isShared(span)) return 2;
  return span.kind === 'CLIENT' ? 0 : 1;
}

function byEndpoint(one: ZipkinEndpoint | undefined, other: ZipkinEndpoint | undefined): number {
  if (one === undefined || other === undefined) return (one === undefined ? 0 : 1) - (other === undefined ? 0 : 1);
  for (const key of ['serviceName', 'ipv4', 'ipv6'] as const) {
    const [mine, theirs] = [one[key], other[key]];
    if (mine === theirs) continue;
    if (mine === undefined) return 1;
    if (theirs === undefined) return -1;
    return mine < theirs ? -1 : 1;
  }
  return 0;
}

/** An endpoint that is told in pieces: takes what does not contradict it. */
class KnownEndpoint {
  #known: ZipkinEndpoint;

  constructor(endpoint: ZipkinEndpoint | undefined) {
    this.#known = endpoint ?? {};
  }

  takes(endpoint: ZipkinEndpoint | undefined): boolean {
    if (endpoint === undefined) return true;
    for (const key of ['serviceName', 'ipv4', 'ipv6', 'port'] as const) {
      const [known, told] = [this.#known[key], endpoint[key]];
      if (known !== undefined && told !== undefined && known !== told) return false;
    }
    this.#known = { ...endpoint, ...this.#known };
    return true;
  }
}
