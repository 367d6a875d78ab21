import type { ZipkinEndpoint, ZipkinSpan } from '../../lib/stack/zipkin-span.ts';

const KINDS = ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER', undefined] as const;

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A trace as bad as they come: shared and half-shared spans, several pieces of one span, missing parents, several roots,
 * trace IDs of both lengths, unknown kinds, services that are not named.
 *
 * @param services whose names the links are made of
 */
export function generateTrace(options: {
  readonly random: () => number;
  readonly services: readonly string[];
  readonly traceId: string;
  /** Milliseconds since the epoch. */
  readonly startMillis: number;
}): ZipkinSpan[] {
  const { random, services, traceId, startMillis } = options;
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
  const sometimes = (chance: number) => random() < chance;
  const ids = Array.from({ length: 2 + Math.floor(random() * 8) }, (_, index) => String(index + 1).padStart(16, '0'));
  const endpoint = (): ZipkinEndpoint => ({
    ...(sometimes(0.85) && { serviceName: pick(services) }),
    ...(sometimes(0.3) && { ipv4: pick(['10.0.0.1', '10.0.0.2']) }),
    ...(sometimes(0.2) && { port: pick([80, 8080]) }),
  });
  const spans: ZipkinSpan[] = [];
  const count = ids.length + Math.floor(random() * 4);
  for (let index = 0; index < count; index += 1) {
    const id = ids[index] ?? pick(ids);
    const kind = pick(KINDS);
    const local = endpoint();
    const remote = endpoint();
    spans.push({
      traceId: sometimes(0.1) ? traceId.slice(16) : traceId,
      id,
      ...(index > 0 && sometimes(0.9) && { parentId: sometimes(0.1) ? 'ffffffffffffffff' : pick(ids) }),
      ...(kind !== undefined && { kind }),
      name: pick(['get', 'post', 'query']),
      // In order of arrival, which is what a Zipkin in memory goes by where spans are equal in rank.
      timestamp: (startMillis + index * 7) * 1000,
      ...(sometimes(0.9) && { duration: 1 + Math.floor(random() * 10_000) }),
      ...(Object.keys(local).length > 0 && { localEndpoint: local }),
      ...(sometimes(0.5) && Object.keys(remote).length > 0 && { remoteEndpoint: remote }),
      ...(sometimes(0.3) && { annotations: [{ timestamp: startMillis * 1000, value: pick(['retry', 'miss']) }] }),
      tags: {
        ...(sometimes(0.2) && { error: pick(['', 'boom']) }),
        ...(sometimes(0.5) && { 'http.method': pick(['GET', 'POST']) }),
        ...(sometimes(0.3) && { retry: pick(['1', '2']) }),
      },
      ...(sometimes(0.25) && { shared: true }),
    });
  }
  return spans.map(({ tags, ...span }) => (Object.keys(tags ?? {}).length === 0 ? span : { ...span, tags: tags! }));
}
