import assert from 'node:assert/strict';
import { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { ask, rawConnection } from './recorder.ts';
import { ok, serving } from './serving.ts';

const { serve, ended } = serving();

describe('the head of the response', () => {
  const id = { headers: { 'x-correlation-id': 'ID-1' } };
  /** Each form of `writeHead`, and what the client must see beside the ID. */
  const forms: Record<string, { write: (response: ServerResponse) => unknown; expect: Record<string, unknown> }> = {
    'flat array': { write: (r) => r.writeHead(201, ['a', '1', 'a', '2']), expect: { a: '1, 2' } },
    'nested array': {
      write: (r) =>
        r.writeHead(201, [
          ['set-cookie', 'x=1'],
          ['set-cookie', 'y=2'],
        ] as never),
      expect: { 'set-cookie': ['x=1', 'y=2'] },
    },
    object: { write: (r) => r.writeHead(201, { a: '1', b: ['2', '3'] }), expect: { a: '1', b: '2, 3' } },
    'null-prototype object': {
      write: (r) => r.writeHead(201, Object.assign(Object.create(null), { a: '1' })),
      expect: { a: '1' },
    },
    'Map and Headers, which have no own keys': {
      write: (r) => r.writeHead(201, new Map([['a', '1']]) as never),
      expect: { a: undefined },
    },
    reason: { write: (r) => r.writeHead(201, 'Made', { a: '1' }), expect: { a: '1' } },
    'reason and array': { write: (r) => r.writeHead(201, 'Made', ['a', '1']), expect: { a: '1' } },
    'status alone': { write: (r) => r.writeHead(201), expect: {} },
    'setHeader before an object': {
      write: (r) => {
        r.setHeader('a', '0');
        r.setHeader('c', '3');
        r.writeHead(201, { a: '1' });
      },
      expect: { a: '1', c: '3' },
    },
    'setHeader before a flat array': {
      write: (r) => {
        r.setHeader('a', '0');
        r.writeHead(201, ['a', '1', 'a', '2']);
      },
      expect: { a: '1, 2' },
    },
    implicit: {
      write: (r) => {
        r.statusCode = 201;
        r.setHeader('a', '1');
      },
      expect: { a: '1' },
    },
    flushHeaders: {
      write: (r) => {
        r.statusCode = 201;
        r.flushHeaders();
      },
      expect: {},
    },
    // Removed in Node 26.
    ...('writeHeader' in ServerResponse.prototype && {
      writeHeader: {
        write: (r: ServerResponse) =>
          (r as unknown as { writeHeader(status: number, headers: object): void }).writeHeader(201, { a: '1' }),
        expect: { a: '1' },
      },
    }),
  };

  for (const [name, { write, expect }] of Object.entries(forms)) {
    test(`${name}: gets the ID and nothing else changes`, async () => {
      const port = await serve((_request, response) => {
        const before = response.getHeaderNames();
        write(response);
        assert.ok(!response.getHeaderNames().includes('x-correlation-id'), 'not visible to the app');
        assert.ok(before.length <= response.getHeaderNames().length);
        response.end('body');
      });
      const answer = await ask(port, '/', id);
      assert.equal(answer.status, 201);
      assert.equal(answer.body, 'body');
      assert.equal(answer.headers['x-correlation-id'], 'ID-1');
      for (const [header, value] of Object.entries(expect)) assert.deepEqual(answer.headers[header], value);
      assert.equal(answer.rawHeaders.filter((value) => value.toLowerCase() === 'x-correlation-id').length, 1);
    });
  }

  const own: Record<string, (response: ServerResponse) => unknown> = {
    setHeader: (r) => r.setHeader('X-Correlation-ID', 'mine'),
    'flat array': (r) => r.writeHead(200, ['X-CORRELATION-ID', 'mine']),
    'nested array': (r) => r.writeHead(200, [['x-Correlation-id', 'mine']] as never),
    object: (r) => r.writeHead(200, { 'X-Correlation-Id': 'mine' }),
  };
  for (const [name, write] of Object.entries(own)) {
    test(`an ID that the app has set itself by ${name} wins`, async () => {
      const port = await serve((_request, response) => {
        write(response);
        response.end();
      });
      const answer = await ask(port, '/', id);
      const names = answer.rawHeaders.filter((_value, index) => index % 2 === 0).map((value) => value.toLowerCase());
      assert.equal(answer.headers['x-correlation-id'], 'mine');
      assert.equal(names.filter((value) => value === 'x-correlation-id').length, 1);
    });
  }

  test('what writeHead refuses it refuses as without us', async () => {
    const codes: unknown[] = [];
    const port = await serve((_request, response) => {
      for (const attempt of [
        () => response.writeHead(42),
        () => response.writeHead(200, ['odd']),
        () => response.writeHead(200, { 'bad name': '1' }),
        () => response.writeHead(200, 'bad\nreason'),
      ]) {
        try {
          attempt();
        } catch (error) {
          codes.push((error as { code?: string }).code);
        }
      }
      response.statusMessage = 'OK';
      response.writeHead(200);
      assert.throws(() => response.writeHead(200), { code: 'ERR_HTTP_HEADERS_SENT' });
      response.end();
    });
    await ask(port, '/', id);
    assert.deepEqual(codes.slice(0, 2), ['ERR_HTTP_INVALID_STATUS_CODE', 'ERR_INVALID_ARG_VALUE']);
    assert.ok(codes.includes('ERR_INVALID_CHAR'));
  });

  test('100, 102 and 103 go out untouched and the answer behind them has the ID', async () => {
    const port = await serve((_request, response) => {
      response.writeContinue();
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('x');
    });
    const connection = rawConnection(port);
    connection.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nx-correlation-id: ID-1\r\n\r\n');
    await connection.closed;
    const parts = connection.text().split('\r\n\r\n');
    assert.match(parts[0], /^HTTP\/1\.1 100 Continue$/);
    assert.match(parts[1], /^HTTP\/1\.1 102 Processing$/);
    assert.match(parts[2], /^HTTP\/1\.1 103 Early Hints\r\nLink: /);
    assert.match(parts[3], /^HTTP\/1\.1 200 OK\r\n[\s\S]*x-correlation-id: ID-1/);
    assert.equal(connection.text().match(/x-correlation-id/g)?.length, 1);
  });

  test('the server that answers for Node itself (no Host, failed expectation) gives the ID too', async () => {
    const port = await serve(ok);
    for (const head of [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: tea\r\n\r\n',
    ]) {
      const connection = rawConnection(port);
      connection.write(head);
      await connection.closed;
      assert.match(connection.text(), /^HTTP\/1\.1 4\d\d [\s\S]*x-correlation-id: [0-9a-f]{32}/);
    }
    await ended(2);
  });
});
