/** The same spans and the same questions to a real Zipkin 3.6.1 and to the stack: equal answers. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ZipkinSpan } from '../../lib/stack/zipkin-span.ts';
import { available } from '../backends/directory.ts';
import { startZipkin, type Zipkin } from '../backends/zipkin.ts';
import { eventually } from '../support/wait.ts';
import { runningStack } from './running-stack.ts';
import { generateTrace, randomNumbers } from './zipkin-traces.ts';

const SEED = Number(process.env['SIGHTLINE_TEST_SEED'] ?? 7);
const TRACES = 300;
const QUERIES = 40;
const START = Date.now() - 3_600_000;
const DAY = 86_400_000;

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: any;
}

suite(`real Zipkin and ours, seed ${SEED}`, { skip: available('zipkin') }, () => {
  let zipkin: Zipkin;
  let stack: Awaited<ReturnType<typeof runningStack>>;
  const random = randomNumbers(SEED);

  before(async () => {
    [zipkin, stack] = await Promise.all([startZipkin(), runningStack()]);
  });
  after(async () => {
    await zipkin?.stop();
    await stack?.[Symbol.asyncDispose]();
  });

  const urls = () => [`${zipkin.url}/api/v2`, `${stack.url}/zipkin/api/v2`] as const;

  async function answer(url: string, init: RequestInit = {}): Promise<Answer> {
    // Zipkin ends idle connections without a word.
    const response = await fetch(url, init).catch(() => fetch(url, init));
    const text = await response.text();
    // `text/*` is what Zipkin says of its refusals.
    const type = response.headers.get('content-type')?.split(';')[0]?.replace('text/*', 'text/plain') ?? null;
    return { status: response.status, type, body: type === 'application/json' ? JSON.parse(text) : text };
  }

  /** Asks both. @returns their answers, Zipkin's first, lists put in order by `sorted` */
  async function both(path: string, sorted: (body: any) => any = (body) => body): Promise<[Answer, Answer]> {
    const [theirs, ours] = await Promise.all(urls().map((url) => answer(url + path)));
    const inOrder = ({ body, ...rest }: Answer) => ({ ...rest, body: rest.status === 200 ? sorted(body) : body });
    return [inOrder(theirs!), inOrder(ours!)];
  }

  async function post(spans: readonly object[]): Promise<void> {
    for (const url of urls()) {
      const headers = { 'content-type': 'application/json' };
      const { status, body } = await answer(`${url}/spans`, { method: 'POST', headers, body: JSON.stringify(spans) });
      assert.equal(status, 202, body);
    }
    const last = spans.at(-1) as ZipkinSpan;
    await eventually('the spans in Zipkin', async () => (await zipkin.trace(last.traceId)).length > 0 || undefined);
  }

  const inKeyOrder = (value: any): any =>
    typeof value !== 'object' || value === null
      ? value
      : Array.isArray(value)
        ? value.map(inKeyOrder)
        : Object.fromEntries(
            Object.entries(value)
              .sort()
              .map(([key, member]) => [key, inKeyOrder(member)]),
          );
  const sortedList = (list: any[]): string[] => list.map((member) => JSON.stringify(inKeyOrder(member))).sort();
  const sortedTraces = (traces: any[][]): string[] => traces.map((trace) => sortedList(trace).join('\n')).sort();

  test('spans as they are normalised', async () => {
    const timestamp = START * 1000;
    await post([
      { traceId: 'abc', id: '1', timestamp },
      { traceId: 'abc', id: '2', parentId: '2', timestamp, name: 'SELF Parent' },
      { traceId: 'abc', id: '3', parentId: '0', timestamp, localEndpoint: { serviceName: 'UPPER', port: 0 } },
      { traceId: 'abc', id: '4', timestamp, duration: 0, localEndpoint: { serviceName: '' }, tags: {} },
      { traceId: 'abc', id: '5', timestamp, remoteEndpoint: { ipv6: '2001:db8:0:0:0:0:0:c001', port: 80 } },
      { traceId: 'abc', id: '6', timestamp, localEndpoint: { ipv4: 'nonsense' }, shared: false, debug: true },
      {
        traceId: 'abc',
        id: '7',
        timestamp,
        annotations: [
          { timestamp: 2, value: 'b' },
          { timestamp: 1, value: 'a' },
          { timestamp: 1, value: 'a' },
        ],
      },
      { traceId: 'abc', id: '8', timestamp, tags: { z: '1', a: '2', ü: '"\n' } },
      { traceId: 'abc', id: '9', timestamp, localEndpoint: { ipv6: '::ffff:1.2.3.4' } },
    ]);
    const [theirs, ours] = await both('/trace/abc', sortedList);
    assert.deepEqual(ours, theirs);
  });

  test('dependencies of the worst traces', async () => {
    const spans = Array.from({ length: TRACES }, (_, index) =>
      generateTrace({
        random,
        // A few traces share services, so that one wrong link shows by itself.
        services: ['front', 'back', 'db'].map((name) => `${name}-${index % 60}`),
        traceId: `${'b'.repeat(16)}${(index + 1).toString(16).padStart(16, '0')}`,
        startMillis: START + index * 1000,
      }),
    );
    await post(spans.flat());
    for (const [endTs, lookback] of [
      [START + DAY, 2 * DAY],
      [START + 100_000, 50_000],
      [START + 1, 1],
    ]) {
      const [theirs, ours] = await both(`/dependencies?endTs=${endTs}&lookback=${lookback}`, sortedList);
      assert.deepEqual(ours, theirs);
      if (lookback! > DAY) assert.ok(theirs.body.length > 200, `${theirs.body.length} links`);
    }
    for (const query of ['', '?endTs=0', '?endTs=x', '?endTs=5&lookback=0', '?endTs=5&lookback=-1']) {
      const [theirs, ours] = await both(`/dependencies${query}`);
      assert.deepEqual(ours, theirs, query);
    }
  });

  test('names', async () => {
    for (const path of [
      '/services',
      '/spans?serviceName=front-1',
      '/remoteServices?serviceName=FRONT-1',
      '/spans?serviceName=',
      '/spans?serviceName=none',
      '/remoteServices',
    ]) {
      const [theirs, ours] = await both(path);
      assert.deepEqual(ours, theirs, path);
    }
    const [theirs, ours] = await Promise.all(
      urls().map(async (url) => (await fetch(`${url}/services`)).headers.get('cache-control')),
    );
    assert.equal(ours, theirs);
  });

  test('traces by every filter', async () => {
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    const sometimes = (chance: number) => random() < chance;
    let found = 0;
    for (let index = 0; index < QUERIES; index += 1) {
      const query = new URLSearchParams({ limit: '1000' });
      const number = Math.floor(random() * 60);
      if (sometimes(0.7)) query.set('serviceName', pick([`front-${number}`, `BACK-${number}`, 'none', 'all']));
      if (sometimes(0.2)) query.set('remoteServiceName', pick([`db-${number}`, 'All']));
      if (sometimes(0.3)) query.set('spanName', pick(['get', 'POST', 'all', 'none']));
      if (sometimes(0.4))
        query.set(
          'annotationQuery',
          pick([
            'error',
            'error=boom',
            'retry',
            'retry=1 and http.method=GET',
            'error= and miss',
            'retry=1 and retry=2',
            ' error ',
            'and',
            'a=b=c',
          ]),
        );
      const least = pick([1, 500, 5000, 9999]);
      if (sometimes(0.3)) query.set('minDuration', String(least));
      if (query.has('minDuration') && sometimes(0.5)) query.set('maxDuration', String(least + pick([0, 1000])));
      if (sometimes(0.5)) query.set('endTs', String(START + pick([0, 30_000, 300_000, 5_000_000])));
      if (sometimes(0.5)) query.set('lookback', String(pick([1, 60_000, DAY, 99_999_999_999_999])));
      const [theirs, ours] = await both(`/traces?${query}`, sortedTraces);
      assert.deepEqual(ours, theirs, String(query));
      found += theirs.body.length;
    }
    assert.ok(found > QUERIES, `${found} traces found`);
    for (const query of [
      'limit=0',
      'limit=-1',
      'endTs=0',
      'lookback=x',
      'minDuration=0',
      'maxDuration=5',
      'minDuration=5&maxDuration=4',
      'limit=99999999999',
    ]) {
      const [theirs, ours] = await both(`/traces?${query}`);
      assert.deepEqual(ours, theirs, query);
    }
  });

  test('single traces, strictly by their whole ID, and many', async () => {
    const id = (index: number) => `${'b'.repeat(16)}${index.toString(16).padStart(16, '0')}`;
    for (const path of [
      `/trace/${id(1)}`,
      `/trace/${id(1).slice(16)}`,
      '/trace/1',
      '/trace/%20abc%20',
      '/trace/',
      '/trace/0',
      `/trace/${'1'.repeat(33)}`,
    ]) {
      const [theirs, ours] = await both(path, sortedList);
      assert.deepEqual(ours, theirs, path);
    }
    for (const list of [
      `${id(1)},${id(2)}`,
      `${id(1)},${id(999)}`,
      `${id(1)},${id(1)}`,
      id(1),
      '',
      `${id(1)},`,
      'zz,yy',
      ` ${id(1)}, ${id(2)}`,
      `${id(1)},${id(1).slice(16)}`,
    ]) {
      const [theirs, ours] = await both(`/traceMany?traceIds=${encodeURIComponent(list)}`, sortedTraces);
      assert.deepEqual(ours, theirs, list);
    }
  });

  test('spans as Protocol Buffers', async () => {
    const field = (number: number, type: number, ...bytes: number[]) => [(number << 3) | type, ...bytes];
    const length = (count: number) => (count < 128 ? [count] : [(count & 127) | 128, count >> 7]);
    const bytes = (number: number, ...content: number[]) => field(number, 2, ...length(content.length), ...content);
    const text = (number: number, value: string) => bytes(number, ...Buffer.from(value));
    const fixed = (number: number, value: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64LE(BigInt(value));
      return field(number, 1, ...buffer);
    };
    const id = (value: number) => [0, 0, 0, 0, 0, 0, 0, value];
    const span = (...fields: number[][]) => bytes(1, ...fields.flat());
    const body = Buffer.from([
      ...span(
        bytes(1, ...id(0xcd)),
        bytes(3, ...id(1)),
        field(4, 0, 1),
        text(5, 'GET /X'),
        fixed(6, START * 1000),
        field(7, 0, 0x88, 0x27),
        bytes(8, ...text(1, 'Shop'), ...bytes(2, 10, 0, 0, 7), ...field(4, 0, 80)),
        bytes(9, ...bytes(3, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 1)),
        bytes(10, ...fixed(1, 5), ...text(2, 'retry')),
        bytes(10, ...fixed(1, 5)),
        bytes(11, ...text(1, 'http.method'), ...text(2, 'GET')),
        bytes(11, ...text(1, 'empty')),
        bytes(11, ...text(2, 'no key')),
        field(12, 0, 1),
        field(15, 0, 1),
      ),
      ...span(bytes(1, ...id(0xcd)), bytes(2, ...id(1)), bytes(3, ...id(1)), field(4, 0, 9), field(13, 0, 1)),
    ]);
    const init = { method: 'POST', headers: { 'content-type': 'application/x-protobuf' } };
    const [theirs, ours] = await Promise.all(urls().map((url) => answer(`${url}/spans`, { ...init, body })));
    assert.deepEqual([theirs!.status, ours!.status], [202, 202], `${theirs!.body} ${ours!.body}`);
    await eventually('the spans in Zipkin', async () => (await zipkin.trace('cd')).length > 0 || undefined);
    const [theirTrace, ourTrace] = await both('/trace/cd', sortedList);
    assert.deepEqual(ourTrace, theirTrace);
    for (const wrong of [
      body.subarray(0, -1),
      Buffer.from([10, 0]),
      Buffer.from(span(bytes(1, ...id(1)))),
      Buffer.from('[]'),
    ]) {
      const [refusedThere, refusedHere] = await Promise.all(
        urls().map((url) => answer(`${url}/spans`, { ...init, body: wrong })),
      );
      assert.equal(refusedHere!.status, refusedThere!.status, `${wrong.toString('hex')} ${refusedThere!.body}`);
    }
  });

  test('version 1 and the configuration of the screens', async () => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
    for (const body of [
      '[{"traceId":"1","id":"1","binaryAnnotations":[]}]',
      '[{"traceId":"1","id":"2","tags":{"yAnnotations":""}}]',
      '[{"a":"yAnnotations"}]',
    ]) {
      const [theirs, ours] = await Promise.all(urls().map((url) => answer(`${url}/spans`, { ...init, body })));
      assert.deepEqual(ours, theirs, body);
    }
    const refused = await answer(`${stack.url}/zipkin/api/v1/spans`, { ...init, body: '[]' });
    assert.deepEqual([refused.status, refused.body], [400, 'Expected a JSON_V2 encoded list, but received: JSON_V1\n']);
    const theirs = await answer(`${zipkin.url}/zipkin/config.json`);
    const ours = await answer(`${stack.url}/zipkin/config.json`);
    assert.deepEqual(ours, theirs);
  });
});
