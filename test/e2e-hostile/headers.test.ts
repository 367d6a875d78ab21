/** Requests as no client library would send them: the observed app answers as the app alone, byte for byte. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { announcedAdmin } from '../support/announced.ts';
import { type Child, startChild } from '../support/child.ts';
import { NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { ECHO_APP } from './echo-app.ts';
import { converse, valuesOf, withoutOurs } from './raw.ts';

/** Printed, and read back, so that a failure can be repeated. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const RUNS = 250;
const ACCEPTED_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

interface Pair {
  readonly bare: number;
  readonly observed: number;
  readonly children: readonly Child[];
  readonly dataDirectory: string;
}

async function startPair(node: NodeRuntime, receiver: Receiver): Promise<Pair> {
  const cwd = createProject({ name: 'echo-service', files: { 'app.cjs': ECHO_APP } });
  const dataDirectory = temporaryDirectory('data');
  const bare = startChild({ node, cwd, args: ['app.cjs'] });
  const observed = startChild({
    node,
    cwd,
    args: ['--import', 'sightline/register', 'app.cjs'],
    env: { ...receiver.environment, SIGHTLINE_DATA_DIR: dataDirectory },
  });
  const ports = await Promise.all([bare, observed].map((child) => child.line(/listening (\d+)/)));
  return { bare: Number(ports[0]?.[1]), observed: Number(ports[1]?.[1]), children: [bare, observed], dataDirectory };
}

function request(lines: readonly string[], body: string | Buffer = '', start = 'GET /orders HTTP/1.1'): Buffer {
  const head = [start, ...lines].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

/** Text that `Buffer.from(…, 'latin1')` turns into any byte but the two that end a line. */
const hostileText = fc
  .array(
    fc.integer({ min: 1, max: 255 }).filter((code) => code !== 10 && code !== 13),
    { maxLength: 200 },
  )
  .map((codes) => String.fromCharCode(...codes));
const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdefABCDEF'), { minLength: length, maxLength: length })
    .map((all) => all.join(''));
const nearlyHex = fc.oneof(hex(32), hex(16), hex(31), hex(2), fc.constant('0'.repeat(32)), hostileText);
const traceparent = fc
  .tuple(fc.oneof(fc.constant('00'), hex(2)), nearlyHex, fc.oneof(hex(16), nearlyHex), fc.oneof(hex(2), hostileText))
  .map((parts) => parts.join('-'));
const b3 = fc.oneof(
  fc.tuple(nearlyHex, nearlyHex, fc.constantFrom('1', '0', 'd', 'x', '')).map((parts) => parts.join('-')),
  fc.constantFrom('0', '1', 'd', '', '-', '--', '---'),
);
const list = fc.array(
  fc.oneof(
    hostileText,
    fc.tuple(hex(4), hostileText).map((pair) => pair.join('=')),
  ),
  { maxLength: 40 },
);
const header = fc.oneof(
  traceparent.map((value) => `traceparent: ${value}`),
  list.map((values) => `tracestate: ${values.join(',')}`),
  list.map((values) => `baggage: ${values.join(',')}`),
  b3.map((value) => `b3: ${value}`),
  nearlyHex.map((value) => `X-B3-TraceId: ${value}`),
  nearlyHex.map((value) => `X-B3-SpanId: ${value}`),
  hostileText.map((value) => `X-B3-Sampled: ${value}`),
  fc.constantFrom('X-B3-Flags: 1', 'X-B3-Sampled: true', 'X-B3-ParentSpanId: x'),
  fc.oneof(hostileText, nearlyHex).map((value) => `x-correlation-id: ${value}`),
  fc.oneof(hostileText, nearlyHex).map((value) => `X-Request-Id: ${value}`),
  hostileText.map((value) => `user-agent: ${value}`),
  hostileText.map((value) => `host: ${value}`),
  hostileText.map((value) => `forwarded: ${value}`),
);

for (const node of [NODE_OWN, NODE_OLDEST]) {
  suite(`hostile requests, Node ${node.version}`, { skip: node.missing }, () => {
    let receiver: Receiver;
    let pair: Pair;
    before(async () => {
      receiver = await startReceiver();
      pair = await startPair(node, receiver);
    });
    after(async () => {
      for (const child of pair.children) child.kill('SIGKILL');
      await receiver.close();
    });

    async function same(
      chunks: readonly (string | Buffer)[],
      options: { after?: 'half' | 'open' } = {},
    ): Promise<string> {
      const [bare, observed] = await Promise.all([
        converse({ port: pair.bare, chunks, ...options }),
        converse({ port: pair.observed, chunks, ...options }),
      ]);
      assert.equal(withoutOurs(observed), withoutOurs(bare));
      return observed;
    }

    async function rejected(): Promise<number> {
      const page = await (await fetch(`${await announcedAdmin(pair.dataDirectory)}/metrics`)).text();
      return Number(/^sightline_correlation_ids_rejected_total (\d+)/m.exec(page)?.[1] ?? 'NaN');
    }

    test(`propagation and correlation headers of any bytes (seed ${SEED})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(header, { maxLength: 6 }), async (lines) => {
          const answer = await same([request(['host: shop', ...lines, 'connection: close'])]);
          // A head that Node itself refuses never reaches an app.
          if (!answer.startsWith('HTTP/1.1 200')) return;
          const ids = valuesOf(answer, 'x-correlation-id');
          assert.equal(ids.length, 1);
          assert.match(ids[0] ?? '', ACCEPTED_ID);
          const [head = ''] = answer.split('\r\n\r\n');
          const names = head
            .split('\r\n')
            .slice(1)
            .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
          assert.deepEqual(names.filter((name) => name !== 'x-correlation-id' && name !== 'x-request-id').sort(), [
            'connection',
            'content-length',
            'content-type',
            'date',
          ]);
        }),
        { seed: SEED, numRuns: RUNS },
      );
      assert.equal(pair.children[1]?.stderr(), '');
    });

    test('an invalid ID is never echoed, is counted, and is replaced', async () => {
      const invalid = [
        'a b',
        'a,b',
        'é',
        '"quoted"',
        'a'.repeat(129),
        '<script>',
        'a\tb',
        "'; drop table",
        '\xff\xfe',
        ['$', '{jndi}'].join(''),
      ];
      const before = await rejected();
      for (const id of invalid) {
        const answer = await same([request(['host: shop', `x-correlation-id: ${id}`, 'connection: close'])]);
        assert.match(valuesOf(answer, 'x-correlation-id')[0] ?? '', TRACE_ID, `for ${JSON.stringify(id)}`);
      }
      assert.equal(await rejected(), before + invalid.length);
      const longest = 'a'.repeat(128);
      const accepted = await same([request(['host: shop', `x-correlation-id: ${longest}`, 'connection: close'])]);
      assert.deepEqual(valuesOf(accepted, 'x-correlation-id'), [longest]);
    });

    test('an ID that would split the response never reaches it', async () => {
      for (const separator of ['\r\n', '\n', '\r', '%0d%0a', '\\r\\n', '\u0085', '\0']) {
        const line = `x-correlation-id: one${separator}set-cookie: stolen=1`;
        const answer = await same([request(['host: shop', line, 'connection: close'])]);
        const [head = ''] = answer.split('\r\n\r\n');
        assert.doesNotMatch(head, /set-cookie/i);
      }
    });

    const strange: readonly {
      readonly name: string;
      readonly chunks: readonly (string | Buffer)[];
      readonly after?: 'half';
    }[] = [
      { name: 'HTTP/1.0', chunks: [request([], '', 'GET /old HTTP/1.0')] },
      {
        name: 'HTTP/1.0 kept alive',
        after: 'half',
        chunks: [request(['connection: keep-alive'], '', 'GET /old HTTP/1.0')],
      },
      { name: 'HTTP/0.9', after: 'half', chunks: ['GET /older\r\n'] },
      { name: 'HTTP/1.2', chunks: [request(['host: shop', 'connection: close'], '', 'GET / HTTP/1.2')] },
      { name: 'HTTP/2 preface', chunks: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'] },
      { name: 'no host', chunks: [request(['connection: close'])] },
      { name: 'two hosts', chunks: [request(['host: a', 'host: b', 'connection: close'])] },
      { name: 'a host that is none', chunks: [request(['host: [::1', 'connection: close'])] },
      { name: 'a very long host', chunks: [request([`host: ${'h'.repeat(4000)}:99999999`, 'connection: close'])] },
      {
        name: 'absolute form',
        chunks: [request(['host: shop', 'connection: close'], '', 'GET http://user:pass@other:81/a?b=c HTTP/1.1')],
      },
      {
        name: 'absolute form without path',
        chunks: [request(['host: shop', 'connection: close'], '', 'GET http://other HTTP/1.1')],
      },
      { name: 'asterisk form', chunks: [request(['host: shop', 'connection: close'], '', 'OPTIONS * HTTP/1.1')] },
      {
        name: 'a target without slash',
        chunks: [request(['host: shop', 'connection: close'], '', 'GET orders HTTP/1.1')],
      },
      {
        name: 'a target of odd bytes',
        chunks: [request(['host: shop', 'connection: close'], '', 'GET /%\xff\x80?q=%zz#frag HTTP/1.1')],
      },
      {
        name: 'a long target',
        chunks: [
          request(['host: shop', 'connection: close'], '', `GET /${'a'.repeat(12_000)}?${'b'.repeat(2000)} HTTP/1.1`),
        ],
      },
      { name: 'an unknown method', chunks: [request(['host: shop', 'connection: close'], '', 'BREW /pot HTTP/1.1')] },
      { name: 'a rare method', chunks: [request(['host: shop', 'connection: close'], '', 'M-SEARCH /pot HTTP/1.1')] },
      { name: 'CONNECT without a listener', chunks: [request(['host: shop'], '', 'CONNECT other:443 HTTP/1.1')] },
      {
        name: 'an upgrade without a listener',
        chunks: [request(['host: shop', 'upgrade: websocket', 'connection: upgrade, close'])],
      },
      {
        name: 'content-length twice',
        chunks: [
          request(
            ['host: shop', 'content-length: 3', 'content-length: 4', 'connection: close'],
            'abcd',
            'POST / HTTP/1.1',
          ),
        ],
      },
      {
        name: 'content-length and chunked',
        chunks: [
          request(
            ['host: shop', 'content-length: 3', 'transfer-encoding: chunked', 'connection: close'],
            '0\r\n\r\n',
            'POST / HTTP/1.1',
          ),
        ],
      },
      {
        name: 'a negative length',
        chunks: [request(['host: shop', 'content-length: -1', 'connection: close'], '', 'POST / HTTP/1.1')],
      },
      {
        name: 'a huge length',
        chunks: [
          request(['host: shop', `content-length: ${'9'.repeat(30)}`, 'connection: close'], '', 'POST / HTTP/1.1'),
        ],
      },
      {
        name: 'an unknown transfer coding',
        chunks: [request(['host: shop', 'transfer-encoding: xyz', 'connection: close'], 'abc', 'POST / HTTP/1.1')],
      },
      {
        name: 'a broken chunk',
        chunks: [
          request(
            ['host: shop', 'transfer-encoding: chunked', 'connection: close'],
            'zz\r\nabc\r\n',
            'POST / HTTP/1.1',
          ),
        ],
      },
      {
        name: 'chunk extensions and trailers',
        chunks: [
          request(
            ['host: shop', 'transfer-encoding: chunked', 'trailer: x-correlation-id', 'connection: close'],
            '3;a=b\r\nabc\r\n0\r\nx-correlation-id: in trailer\r\n\r\n',
            'POST / HTTP/1.1',
          ),
        ],
      },
      {
        name: 'a head larger than Node takes',
        chunks: [request(['host: shop', `x-filler: ${'f'.repeat(20_000)}`, 'connection: close'])],
      },
      {
        name: 'very many headers',
        chunks: [request(['host: shop', ...Array.from({ length: 1500 }, (_, n) => `a${n}: b`), 'connection: close'])],
      },
      {
        name: 'a folded header',
        chunks: [request(['host: shop', 'x-correlation-id: a', ' folded', 'connection: close'])],
      },
      { name: 'a header without name', chunks: [request(['host: shop', ': value', 'connection: close'])] },
      {
        name: 'a space before the colon',
        chunks: [request(['host: shop', 'x-correlation-id : a', 'connection: close'])],
      },
      { name: 'an empty ID', chunks: [request(['host: shop', 'x-correlation-id:', 'connection: close'])] },
      {
        name: 'the ID twice',
        chunks: [request(['host: shop', 'x-correlation-id: a', 'x-correlation-id: b', 'connection: close'])],
      },
      {
        name: 'names of the object prototype',
        chunks: [request(['host: shop', '__proto__: x', 'constructor: y', 'toString: z', 'connection: close'])],
      },
      { name: 'bare line feeds', chunks: ['GET /lf HTTP/1.1\nhost: shop\nconnection: close\n\n'] },
      { name: 'garbage', chunks: [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc])] },
      { name: 'nothing', after: 'half', chunks: [] },
      { name: 'half a head', after: 'half', chunks: ['GET /half HTTP/1.1\r\nhost: sh'] },
      {
        name: 'half a body',
        after: 'half',
        chunks: [request(['host: shop', 'content-length: 10'], 'abc', 'POST / HTTP/1.1')],
      },
      {
        name: 'one byte at a time',
        chunks: [...request(['host: shop', 'x-correlation-id: slow-1', 'connection: close']).toString('latin1')],
      },
      {
        name: 'pipelined, the last one broken',
        chunks: [
          Buffer.concat([
            request(['host: shop']),
            request(['host: shop', 'x-correlation-id: second']),
            Buffer.from('BROKEN\r\n\r\n'),
          ]),
        ],
      },
      { name: 'garbage behind a complete request', chunks: [request(['host: shop'], '\0\0\0garbage')] },
    ];
    for (const { name, chunks, after } of strange) {
      test(`${name}: as without`, async () => {
        const answer = await same(chunks, after === undefined ? {} : { after });
        for (const id of valuesOf(answer, 'x-correlation-id')) assert.match(id, ACCEPTED_ID);
      });
    }

    test('both are alive after all that, the observer has said nothing', async () => {
      const answer = await same([request(['host: shop', 'x-correlation-id: still-alive', 'connection: close'])]);
      assert.deepEqual(valuesOf(answer, 'x-correlation-id'), ['still-alive']);
      const page = await (await fetch(`${await announcedAdmin(pair.dataDirectory)}/metrics`)).text();
      assert.match(page, /^http_server_active_requests\{[^}]*\} 0$/m);
      await same([request(['host: shop', 'connection: close'], '', 'GET /stop HTTP/1.1')]);
      const [bare, observed] = await Promise.all(pair.children.map((child) => child.ended));
      assert.deepEqual([observed?.code, observed?.stderr], [bare?.code, bare?.stderr]);
      assert.equal(observed?.code, 0);
    });
  });
}
