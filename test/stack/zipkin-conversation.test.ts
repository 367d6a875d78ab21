/** What a real Zipkin 3.6.1 answered to these requests, recorded, is what the stack answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runningStack } from './running-stack.ts';

/** Body, status, text. Where Zipkin's JSON reader tells line and column, ours does not: the text begins and ends the same. */
const POSTS: readonly [string, number, string?, string?][] = [
  ['', 202],
  ['[]', 202],
  ['hello', 400, 'Expected a JSON_V2 encoded list\n'],
  ['{"traceId":"1"}', 400, 'Expected a JSON_V2 encoded list\n'],
  ['[{"traceId":"1"}]', 400, 'Missing : id reading List<Span> from json'],
  ['[{"id":"1"}]', 400, 'Missing : traceId reading List<Span> from json'],
  ['[{"traceId":"xyz","id":"1"}]', 400, 'xyz should be lower-hex encoded with no prefix reading List<Span> from json'],
  [
    '[{"traceId":"ABCDEF","id":"A"}]',
    400,
    'ABCDEF should be lower-hex encoded with no prefix reading List<Span> from json',
  ],
  [
    '[{"traceId":"123456789012345678901234567890123","id":"1"}]',
    400,
    'traceId.length > 32 reading List<Span> from json',
  ],
  ['[{"traceId":"0000","id":"1"}]', 400, 'traceId is all zeros reading List<Span> from json'],
  ['[{"traceId":"1","id":"0"}]', 202],
  ['[{"traceId":"1","id":"12345678901234567"}]', 400, 'id.length > 16 reading List<Span> from json'],
  [
    '[{"traceId":"1","id":"1","kind":"FOO"}]',
    400,
    'No enum constant zipkin2.Span.Kind.FOO reading List<Span> from json',
  ],
  [
    '[{"traceId":"1","id":"1","timestamp":1.5}]',
    400,
    'Expected a long but was 1.5',
    'path $[0].timestamp reading List<Span> from json',
  ],
  ['[{"traceId":"1","id":"2","timestamp":"15"}]', 202],
  ['[{"traceId":"1","id":"3","tags":{"a":1}}]', 202],
  ['[{"traceId":"1","id":"1","tags":{"a":null}}]', 400, 'No value at $[0].tags.a reading List<Span> from json'],
  ['[{"traceId":"1","id":"4","foo":{"a":1}}]', 202],
  ['[{"traceId":"1","id":"5","name":null,"parentId":null}]', 202],
  ['[{"traceId":null,"id":"1"}]', 400, 'Expected a string but was NULL', 'reading List<Span> from json'],
  [
    '[{"traceId":"1","id":"1","binaryAnnotations":[]}]',
    400,
    'Expected a JSON_V2 encoded list, but received: JSON_V1\n',
  ],
  ['[{"traceId":"1","id":"1"', 400, '', 'reading List<Span> from json'],
  ['[{"traceId":"1","id":"6","timestamp":-1,"duration":-5}]', 202],
  ['[1]', 400, 'Malformed reading List<Span> from json'],
  [
    '[{"traceId":"1","id":"1","annotations":[{"timestamp":1}]}]',
    400,
    'Incomplete annotation at $[0].annotations[0].timestamp reading List<Span> from json',
  ],
  ['[{"traceId":"1","id":"7","name":5}]', 202],
];

/** Path, status, body. */
const GETS: readonly [string, number, string][] = [
  ['/trace/ffff', 404, '000000000000ffff not found'],
  ['/trace/ABCDEF', 400, 'ABCDEF should be lower-hex encoded with no prefix'],
  ['/trace/zz', 400, 'zz should be lower-hex encoded with no prefix'],
  ['/traces?limit=x', 400, 'For input string: "x"'],
  ['/traces?serviceName=shop&endTs=10&lookback=100', 200, '[]'],
  ['/traces?limit=0', 400, 'limit <= 0'],
  ['/traces?maxDuration=5', 400, 'maxDuration is only valid with minDuration'],
  ['/traces?lookback=0', 400, 'lookback <= 0'],
  ['/traceMany?traceIds=1', 400, 'Use /api/v2/trace/{traceId} endpoint to retrieve a single trace'],
  ['/traceMany?traceIds=1,1', 400, 'redundant traceId: 1'],
  ['/traceMany', 400, 'Mandatory parameter/header/attribute is missing: traceIds'],
  ['/services', 200, '[]'],
  ['/spans?serviceName=shop', 200, '[]'],
  ['/spans', 400, 'Mandatory parameter/header/attribute is missing: serviceName'],
  ['/remoteServices?serviceName=shop', 200, '[]'],
  ['/dependencies', 400, 'Mandatory parameter/header/attribute is missing: endTs'],
  ['/autocompleteValues?key=none', 200, '[]'],
  ['/nope', 404, '404 Not Found'],
  [
    '/trace/1',
    200,
    '[{"traceId":"0000000000000001","id":"0000000000000000"},{"traceId":"0000000000000001","id":"0000000000000003","tags":{"a":"1"}},{"traceId":"0000000000000001","id":"0000000000000004"},{"traceId":"0000000000000001","id":"0000000000000005"},{"traceId":"0000000000000001","id":"0000000000000006"},{"traceId":"0000000000000001","id":"0000000000000007","name":"5"},{"traceId":"0000000000000001","id":"0000000000000002","timestamp":15}]',
  ],
];

test('posting and reading, word for word', async () => {
  await using stack = await runningStack();
  const api = `${stack.url}/zipkin/api/v2`;
  for (const [body, status, begins, ends] of POSTS) {
    const response = await fetch(`${api}/spans`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const text = await response.text();
    assert.equal(response.status, status, `${body} → ${text}`);
    if (begins !== undefined && ends === undefined) assert.equal(text, begins, body);
    if (ends !== undefined) assert.ok(text.startsWith(begins ?? '') && text.endsWith(ends), `${body} → ${text}`);
  }
  for (const [path, status, body] of GETS) {
    const response = await fetch(api + path);
    assert.deepEqual([response.status, await response.text()], [status, body], path);
  }
  assert.deepEqual(stack.warnings, []);
});

test('gzip is read, what is no gzip is refused, and so is what is too large', async () => {
  await using stack = await runningStack();
  const post = (body: Buffer | string, headers: Record<string, string> = {}) =>
    fetch(`${stack.url}/zipkin/api/v2/spans`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const span = JSON.stringify([
    {
      traceId: 'a1',
      id: 'b1',
      localEndpoint: { serviceName: 'Shop' },
      name: 'GET /X',
      timestamp: Date.now() * 1000,
      duration: 7,
    },
  ]);
  assert.equal((await post(gzipSync(span), { 'content-encoding': 'gzip' })).status, 202);
  const bad = await post('abc', { 'content-encoding': 'gzip' });
  assert.deepEqual([bad.status, await bad.text()], [400, 'Cannot gunzip spans']);
  assert.equal((await post(span, { 'content-encoding': 'zstd' })).status, 400);
  const bomb = await post(gzipSync(Buffer.alloc(11 * 1024 ** 2, ' ')), { 'content-encoding': 'gzip' });
  assert.equal(bomb.status, 413);
  assert.equal((await post(' '.repeat(11 * 1024 ** 2))).status, 413);
  assert.equal((await post(span, { 'content-type': 'application/x-protobuf' })).status, 400);
  assert.equal((await post(span, { 'content-type': 'application/x-thrift' })).status, 415);
  const traces = (await (
    await fetch(`${stack.url}/zipkin/api/v2/traces?serviceName=shop&spanName=get+%2Fx`)
  ).json()) as { name: string; localEndpoint: { serviceName: string } }[][];
  assert.deepEqual(
    traces.map((trace) => trace.map((found) => [found.name, found.localEndpoint.serviceName])),
    [[['get /x', 'shop']]],
    'names are lower case, as Zipkin answers',
  );
});

test('searching traces by service, name, tags and duration', async () => {
  await using stack = await runningStack();
  const now = Date.now() * 1000;
  const span = (traceId: string, part: object) => ({
    traceId,
    id: traceId,
    timestamp: now,
    duration: 1000,
    localEndpoint: { serviceName: 'shop' },
    ...part,
  });
  const spans = [
    span('a1', { name: 'one', tags: { error: 'x', 'http.method': 'GET' }, duration: 5000 }),
    span('a2', { name: 'two', tags: { 'http.method': 'POST' }, remoteEndpoint: { serviceName: 'db' } }),
    span('a3', {
      name: 'one',
      localEndpoint: { serviceName: 'other' },
      annotations: [{ timestamp: now, value: 'retry' }],
    }),
    span('a4', { name: 'old', timestamp: now - 7_200_000_000 }),
  ];
  await fetch(`${stack.url}/zipkin/api/v2/spans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spans),
  });
  const find = async (query: string) => {
    const traces = (await (await fetch(`${stack.url}/zipkin/api/v2/traces?${query}`)).json()) as {
      traceId: string;
    }[][];
    return traces
      .map((trace) => trace[0]!.traceId.slice(-2))
      .sort()
      .join(' ');
  };
  assert.equal(await find('serviceName=shop&lookback=3600000'), 'a1 a2');
  assert.equal(await find('spanName=one'), 'a1 a3');
  assert.equal(await find('serviceName=shop&spanName=one'), 'a1');
  assert.equal(await find('annotationQuery=error'), 'a1');
  assert.equal(await find('annotationQuery=error+and+http.method%3DPOST'), '');
  assert.equal(await find('annotationQuery=http.method%3DPOST'), 'a2');
  assert.equal(await find('annotationQuery=retry'), 'a3');
  assert.equal(await find('remoteServiceName=db'), 'a2');
  assert.equal(await find('minDuration=5000'), 'a1');
  assert.equal(await find('minDuration=5001'), '');
  assert.equal(await find('minDuration=1&maxDuration=1000&serviceName=shop&lookback=3600000'), 'a2');
  assert.equal((await find('limit=2')).split(' ').length, 2);
});

test('tags of few values are offered for a search', async () => {
  await using stack = await runningStack();
  const api = `${stack.url}/zipkin/api/v2`;
  const json = async (path: string): Promise<any> => (await fetch(api + path)).json();
  const spans = ['GET', 'POST', 'GET'].map((method, index) => ({
    traceId: 'a1',
    id: String(index + 1),
    tags: { 'http.request.method': method, 'a "quoted" key': 'x', constructor: 'y' },
  }));
  await fetch(`${api}/spans`, { method: 'POST', body: JSON.stringify(spans) });
  assert.ok((await json('/autocompleteKeys')).includes('http.request.method'));
  for (const [key, values] of [
    ['http.request.method', ['GET', 'POST']],
    ['a "quoted" key', ['x']],
    ['constructor', ['y']],
    ['toString', []],
  ] as const)
    assert.deepEqual(await json(`/autocompleteValues?key=${encodeURIComponent(key)}`), values);
  assert.equal((await fetch(`${api}/autocompleteValues?key=`)).status, 400);
});
