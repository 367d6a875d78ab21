/**
 * The cases that the W3C Trace Context working group publishes (test/test.py of w3c/trace-context, levels 1 and 2, all strictness
 * levels), each against a real service over real HTTP: it is called with the case's headers and calls back; what arrives is judged.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { extract, inject, type PropagationFormat, parentOf } from '../../lib/context/propagation.ts';
import { SpanKind } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

type Header = readonly [name: string, value: string];
interface Outbound {
  readonly traceId: string;
  readonly parentId: string;
  readonly flags: number;
  readonly state: ReadonlyMap<string, string>;
  readonly stateText: string;
}

const formats: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3'];
const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';
const VALID = `00-${TRACE}-${SPAN}-00`;

const engine = createEngine({ sampler: createSampler('parentbased_always_on', undefined), onEnd: () => {} });
const agent = new http.Agent({ keepAlive: true });
let received: string[][] = [];
let callbacks = 1;

const collector = http.createServer((request, response) => {
  received.push(request.rawHeaders);
  response.end();
});
const service = http.createServer((request, response) => {
  const span = engine.start('POST', SpanKind.SERVER, parentOf(extract(request.headers, formats)));
  const calls = Array.from({ length: callbacks }, async () => {
    const client = engine.start('GET', SpanKind.CLIENT, span.spanContext());
    const headers: Record<string, string> = {};
    inject(formats, client.spanContext(), undefined, (name, value) => {
      assert.equal(headers[name], undefined, `${name} is set once`);
      headers[name] = value;
    });
    await call(collector, Object.entries(headers));
    client.end();
  });
  void Promise.all(calls).then(() => {
    span.end();
    response.end();
  });
});

async function call(server: http.Server, headers: readonly Header[]): Promise<void> {
  const port = (server.address() as AddressInfo).port;
  const flat = ['Host', `127.0.0.1:${port}`, ...headers.flat()];
  const request = http.request({ host: '127.0.0.1', port, agent, headers: flat }).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
}

function judge(raw: string[]): Outbound {
  const named = (name: string): string[] =>
    raw.filter((_value, index) => index % 2 === 1 && raw[index - 1]!.toLowerCase() === name);
  const traceparents = named('traceparent');
  assert.equal(traceparents.length, 1, 'one traceparent');
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparents[0]!);
  assert.ok(parts, `valid traceparent, got ${traceparents[0]}`);
  assert.notEqual(parts[1], '0'.repeat(32));
  assert.notEqual(parts[2], '0'.repeat(16));
  const stateText = named('tracestate').join(',');
  const members = stateText.split(',').filter((member) => member !== '');
  const state = new Map(
    members.map((member) => [member.slice(0, member.indexOf('=')), member.slice(member.indexOf('=') + 1)]),
  );
  return { traceId: parts[1]!, parentId: parts[2]!, flags: Number.parseInt(parts[3]!, 16), state, stateText };
}

async function through(headers: readonly Header[], count = 1): Promise<Outbound[]> {
  received = [];
  callbacks = count;
  await call(service, headers);
  assert.equal(received.length, count);
  return received.map(judge);
}

async function one(...headers: Header[]): Promise<Outbound> {
  return (await through(headers))[0]!;
}

before(async () => {
  for (const server of [collector, service]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});

after(() => {
  agent.destroy();
  collector.close();
  service.close();
});

describe('traceparent', () => {
  test('both headers missing: a new trace', async () => {
    await one();
  });

  test('traceparent without tracestate: same trace, new parent', async () => {
    const out = await one(['traceparent', `00-${TRACE}-${SPAN}-01`]);
    assert.equal(out.traceId, TRACE);
    assert.notEqual(out.parentId, SPAN);
  });

  const continued: readonly (readonly [string, readonly Header[]])[] = [
    ['header name TraceParent', [['TraceParent', `00-${TRACE}-${SPAN}-01`]]],
    ['header name TrAcEpArEnT', [['TrAcEpArEnT', `00-${TRACE}-${SPAN}-01`]]],
    ['header name TRACEPARENT', [['TRACEPARENT', `00-${TRACE}-${SPAN}-01`]]],
    ['version cc', [['traceparent', `cc-${TRACE}-${SPAN}-01`]]],
    ['version cc that goes on after a dash', [['traceparent', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`]]],
    ['leading space', [['traceparent', ` 00-${TRACE}-${SPAN}-01`]]],
    ['leading tab', [['traceparent', `\t00-${TRACE}-${SPAN}-01`]]],
    ['trailing space', [['traceparent', `00-${TRACE}-${SPAN}-01 `]]],
    ['trailing tab', [['traceparent', `00-${TRACE}-${SPAN}-01\t`]]],
    ['white space at both ends', [['traceparent', `\t 00-${TRACE}-${SPAN}-01 \t`]]],
  ];
  for (const [name, headers] of continued) {
    test(`${name}: the trace goes on`, async () => {
      assert.equal((await one(...headers)).traceId, TRACE);
    });
  }

  const other = '12345678901234567890123456789011';
  const restarted: readonly (readonly [string, readonly Header[]])[] = [
    [
      'header sent twice',
      [
        ['traceparent', `00-${other}-${SPAN}-01`],
        ['traceparent', `00-${TRACE}-${SPAN}-01`],
      ],
    ],
    ['header name trace-parent', [['trace-parent', `00-${TRACE}-${SPAN}-01`]]],
    ['header name trace.parent', [['trace.parent', `00-${TRACE}-${SPAN}-01`]]],
    ['version 00 with a character too many', [['traceparent', `00-${TRACE}-${SPAN}-01.`]]],
    ['version 00 that goes on after a dash', [['traceparent', `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`]]],
    [
      'version cc that goes on without a dash',
      [['traceparent', `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`]],
    ],
    ['version ff', [['traceparent', `ff-${TRACE}-${SPAN}-01`]]],
    ['version .0', [['traceparent', `.0-${TRACE}-${SPAN}-01`]]],
    ['version 0.', [['traceparent', `0.-${TRACE}-${SPAN}-01`]]],
    ['version 000', [['traceparent', `000-${TRACE}-${SPAN}-01`]]],
    ['version 0000', [['traceparent', `0000-${TRACE}-${SPAN}-01`]]],
    ['version 0', [['traceparent', `0-${TRACE}-${SPAN}-01`]]],
    ['trace ID all zero', [['traceparent', `00-${'0'.repeat(32)}-${SPAN}-01`]]],
    ['trace ID starts with a dot', [['traceparent', `00-.2345678901234567890123456789012-${SPAN}-01`]]],
    ['trace ID ends with a dot', [['traceparent', `00-1234567890123456789012345678901.-${SPAN}-01`]]],
    ['trace ID too long', [['traceparent', `00-123456789012345678901234567890123-${SPAN}-01`]]],
    ['trace ID too short', [['traceparent', `00-1234567890123456789012345678901-${SPAN}-01`]]],
    ['parent ID all zero', [['traceparent', `00-${TRACE}-${'0'.repeat(16)}-01`]]],
    ['parent ID starts with a dot', [['traceparent', `00-${TRACE}-.234567890123456-01`]]],
    ['parent ID ends with a dot', [['traceparent', `00-${TRACE}-123456789012345.-01`]]],
    ['parent ID too long', [['traceparent', `00-${TRACE}-12345678901234567-01`]]],
    ['parent ID too short', [['traceparent', `00-${TRACE}-123456789012345-01`]]],
    ['flags .0', [['traceparent', `00-${TRACE}-${SPAN}-.0`]]],
    ['flags 0.', [['traceparent', `00-${TRACE}-${SPAN}-0.`]]],
    ['flags too long', [['traceparent', `00-${TRACE}-${SPAN}-001`]]],
    ['flags too short', [['traceparent', `00-${TRACE}-${SPAN}-1`]]],
  ];
  for (const [name, headers] of restarted) {
    test(`${name}: a new trace, and no tracestate of the old one`, async () => {
      const out = await one(...headers, ['tracestate', 'foo=1']);
      for (const header of headers) assert.ok(!header[1].includes(out.traceId), out.traceId);
      assert.equal(out.stateText, '');
    });
  }

  test('random flag of level 2 goes on', async () => {
    const out = await one(['traceparent', `00-${TRACE}-${SPAN}-02`]);
    assert.equal(out.traceId, TRACE);
    assert.notEqual(out.parentId, SPAN);
    assert.equal(out.flags & 2, 2);
  });

  test('random flag that is not set stays unset; of our own traces it is set; unknown flags are zero', async () => {
    assert.equal((await one(['traceparent', `00-${TRACE}-${SPAN}-01`])).flags, 1);
    assert.equal((await one()).flags, 3);
    assert.equal((await one(['traceparent', `00-${TRACE}-${SPAN}-ff`])).flags, 3);
  });
});

describe('tracestate', () => {
  const parent: Header = ['traceparent', VALID];

  test('without traceparent it is discarded, however long', async () => {
    assert.equal((await one(['tracestate', 'foo=1'])).stateText, '');
    assert.equal((await one(['tracestate', 'foo=1,bar=2'])).stateText, '');
  });

  test('with traceparent it is inherited', async () => {
    const out = await one(parent, ['tracestate', 'foo=1,bar=2']);
    assert.equal(out.traceId, TRACE);
    assert.equal(out.stateText, 'foo=1,bar=2');
  });

  for (const name of ['trace-state', 'trace.state']) {
    test(`header name ${name} is another header`, async () => {
      assert.equal((await one(parent, [name, 'foo=1'])).stateText, '');
    });
  }

  for (const name of ['TraceState', 'TrAcEsTaTe', 'TRACESTATE']) {
    test(`header name ${name} is this header`, async () => {
      assert.equal((await one(parent, [name, 'foo=1'])).state.get('foo'), '1');
    });
  }

  test('an empty header counts as none, alone, before and after a full one', async () => {
    const empty = await one(parent, ['tracestate', '']);
    assert.equal(empty.traceId, TRACE);
    assert.equal(empty.stateText, '');
    for (const headers of [
      [
        ['tracestate', 'foo=1'],
        ['tracestate', ''],
      ],
      [
        ['tracestate', ''],
        ['tracestate', 'foo=1'],
      ],
    ] as const) {
      const out = await one(parent, ...headers);
      assert.equal(out.traceId, TRACE);
      assert.equal(out.stateText, 'foo=1');
    }
  });

  test('several headers are combined in order', async () => {
    const out = await one(
      parent,
      ['tracestate', 'foo=1,bar=2'],
      ['tracestate', 'rojo=1,congo=2'],
      ['tracestate', 'baz=3'],
    );
    assert.equal(out.traceId, TRACE);
    assert.equal(out.stateText, 'foo=1,bar=2,rojo=1,congo=2,baz=3');
  });

  const duplicated: readonly (readonly Header[])[] = [
    [['tracestate', 'foo=1,foo=1']],
    [['tracestate', 'foo=1,foo=2']],
    [
      ['tracestate', 'foo=1'],
      ['tracestate', 'foo=1'],
    ],
    [
      ['tracestate', 'foo=1'],
      ['tracestate', 'foo=2'],
    ],
  ];
  for (const headers of duplicated) {
    test(`a key twice keeps the left one: ${headers.map((header) => header[1]).join(' | ')}`, async () => {
      const out = await one(parent, ...headers);
      assert.equal(out.traceId, TRACE);
      assert.equal(out.stateText, 'foo=1');
    });
  }

  test('all characters of the grammar are inherited, with and without an at sign in the key', async () => {
    const plain = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/';
    const codes = Array.from({ length: 0x7e - 0x20 + 1 }, (_none, index) => 0x20 + index).filter(
      (code) => code !== 0x2c && code !== 0x3d,
    );
    const value = String.fromCharCode(...codes);
    for (const key of [plain, `${plain}@a-z0-9_-*/`]) {
      assert.equal((await one(parent, ['tracestate', `${key}=${value}`])).state.get(key), value);
    }
  });

  for (const text of ['foo=1 \t , \t bar=2, \t baz=3', 'foo=1\t \t,\t \tbar=2,\t \tbaz=3']) {
    test(`white space around members is ignored: ${JSON.stringify(text)}`, async () => {
      assert.equal((await one(parent, ['tracestate', text])).stateText, 'foo=1,bar=2,baz=3');
    });
  }

  for (const text of [' foo=1', '\tfoo=1', 'foo=1 ', 'foo=1\t', '\t foo=1 \t']) {
    test(`white space around the list is ignored: ${JSON.stringify(text)}`, async () => {
      const out = await one(parent, ['tracestate', text]);
      assert.equal(out.traceId, TRACE);
      assert.equal(out.stateText, 'foo=1');
    });
  }

  for (const text of ['foo =1', 'FOO=1', 'foo.bar=1', '@foo=1,bar=2', 'foo=bar=baz', 'foo=,bar=3']) {
    test(`outside the grammar, discarded: ${JSON.stringify(text)}`, async () => {
      const out = await one(parent, ['tracestate', text]);
      assert.equal(out.traceId, TRACE, 'traceparent is not affected');
      assert.equal(out.stateText, '');
    });
  }

  for (const text of ['foo@=1,bar=2', 'foo@@bar=1,bar=2', 'foo@bar@baz=1,bar=2']) {
    test(`at signs after the first character, inherited: ${text}`, async () => {
      assert.equal((await one(parent, ['tracestate', text])).stateText, text);
    });
  }

  test('32 members are inherited, 33 are discarded', async () => {
    const members = Array.from(
      { length: 33 },
      (_none, index) => `bar${String(index + 1).padStart(2, '0')}=${index + 1}`,
    );
    const split = (list: readonly string[]): Header[] => [
      ['tracestate', list.slice(0, 10).join(',')],
      ['tracestate', list.slice(10, 20).join(',')],
      ['tracestate', list.slice(20, 30).join(',')],
      ['tracestate', list.slice(30).join(',')],
    ];
    assert.equal((await one(parent, ...split(members.slice(0, 32)))).state.size, 32);
    assert.equal((await one(parent, ...split(members))).stateText, '');
  });

  const keys = ['z'.repeat(256), `${'t'.repeat(241)}@${'v'.repeat(14)}`, `${'t'.repeat(242)}@v`, `t@${'v'.repeat(15)}`];
  for (const key of keys) {
    test(`a key of ${key.length} characters (${key.indexOf('@')}) is inherited`, async () => {
      const out = await one(parent, ['tracestate', 'foo=1'], ['tracestate', `${key}=1`]);
      assert.equal(out.stateText, `foo=1,${key}=1`);
    });
  }

  test('a key of 257 characters discards the list', async () => {
    assert.equal((await one(parent, ['tracestate', 'foo=1'], ['tracestate', `${'z'.repeat(257)}=1`])).stateText, '');
  });
});

describe('several calls of one request', () => {
  test('valid traceparent: one trace, three parents', async () => {
    const outs = await through([['traceparent', `00-${TRACE}-${SPAN}-01`]], 3);
    assert.deepEqual([...new Set(outs.map((out) => out.traceId))], [TRACE]);
    assert.equal(new Set(outs.map((out) => out.parentId)).size, 3);
  });

  test('no traceparent: three parents', async () => {
    assert.equal(new Set((await through([], 3)).map((out) => out.parentId)).size, 3);
  });

  test('illegal traceparent: never the illegal ID, three parents', async () => {
    const outs = await through([['traceparent', `00-${'0'.repeat(32)}-${SPAN}-01`]], 3);
    assert.ok(outs.every((out) => out.traceId !== '0'.repeat(32)));
    assert.equal(new Set(outs.map((out) => out.parentId)).size, 3);
  });
});
