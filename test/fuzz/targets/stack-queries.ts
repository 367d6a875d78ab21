/** Searches that anybody types: answered, or refused with what is not supported. */
import assert from 'node:assert/strict';
import { readSearchRequest } from '../../../lib/stack/query/esdsl/search-request.ts';
import { matchesPredicate } from '../../../lib/stack/query/log-predicate.ts';
import { compileQueryString } from '../../../lib/stack/query/lucene/query-string.ts';
import { readTimeBound, readTimestamp } from '../../../lib/stack/query/timestamp.ts';
import { UnsupportedQuery } from '../../../lib/stack/query/unsupported.ts';
import { sampleRequest } from '../../stack/sample-request.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileJson, mutateJson } from '../hostile-json.ts';
import { hostileText, mutate } from '../hostile-text.ts';
import { assertUnpolluted } from '../oracles.ts';
import type { Random } from '../random.ts';

const NOW = 1_790_000_000_000;
const [DOCUMENT] = sampleRequest(NOW * 1000).documents;
const WORDS = [
  'level:error AND "bank gave" -debug',
  '(a OR b) && !c || +d',
  '_exists_:trace.id',
  'message:"x \\" y"',
  '@timestamp:[now-1h TO now]',
  'a\\:b:c*',
];
const SEARCH = {
  query: {
    bool: {
      must: [{ match: { message: { query: 'bank', operator: 'and' } } }, { query_string: { query: 'a AND b' } }],
      filter: [{ range: { '@timestamp': { gte: 'now-15m', lt: 'now' } } }, { term: { 'log.level': 'error' } }],
      must_not: { exists: { field: 'x' } },
    },
  },
  size: 10,
  sort: [{ '@timestamp': { order: 'desc' } }],
};

function refusable<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof UnsupportedQuery, (error as Error).stack);
    assert.ok(error.message.length < 10_000, 'a refusal is bounded');
    return undefined;
  }
}

function search(random: Random): number {
  const body = mutateJson(random, SEARCH, random.pick([3, 8, 20]));
  if (typeof body !== 'object' || body === null) return 0;
  const parameters = new URLSearchParams(
    random.oneIn(4) ? { q: hostileText(random, 200), size: hostileText(random, 4) } : {},
  );
  const request = refusable(() => readSearchRequest(body as Record<string, unknown>, parameters, NOW));
  if (request !== undefined)
    assert.equal(
      typeof matchesPredicate(request.predicate, DOCUMENT as never, { timestamp: NOW * 1000 } as never),
      'boolean',
    );
  return JSON.stringify(body).length * 8;
}

export const STACK_QUERIES: FuzzTarget = {
  name: 'stack-queries',
  shortCases: 600,
  run(random) {
    let size = 0;
    const text = random.oneIn(4) ? hostileText(random, 9000) : mutate(random, random.pick(WORDS));
    const predicate = refusable(() =>
      compileQueryString(text, {
        defaultOperator: random.pick(['and', 'or']),
        defaultField: random.oneIn(2) ? undefined : 'message',
      }),
    );
    if (predicate !== undefined)
      assert.equal(
        typeof matchesPredicate(predicate, DOCUMENT as never, { timestamp: NOW * 1000 } as never),
        'boolean',
      );
    size += text.length + search(random);
    for (const value of [
      hostileJson(random, 1),
      mutate(random, '2026-01-02T03:04:05.678901Z'),
      mutate(random, 'now-15m/d'),
    ]) {
      const read = readTimestamp(value);
      assert.ok(read === undefined || Number.isFinite(read), `a time of ${read}`);
      const bound = readTimeBound(value, NOW);
      assert.ok(bound === undefined || Number.isFinite(bound), `a bound of ${bound}`);
    }
    assertUnpolluted();
    return size * 8;
  },
};
