import assert from 'node:assert/strict';
import { type ClientHttp2Session, constants } from 'node:http2';
import { describe, test } from 'node:test';
import { eventually } from '../support/wait.ts';
import { askOver, http2Serving } from './http2-serving.ts';

const { recorded, ended, compat, streams, session } = http2Serving();

describe('ends over HTTP/2', () => {
  test('reset before and during the answer, and a session that is torn down: aborted, once', async () => {
    const port = await streams((stream, headers) => {
      stream.on('error', () => {});
      if (headers[':path'] === '/during') {
        stream.respond({ ':status': 200 });
        stream.write('part');
      }
    });
    for (const [path, act] of [
      [
        '/before',
        (client: ClientHttp2Session) =>
          client
            .request({ ':path': '/before' })
            .on('error', () => {})
            .close(constants.NGHTTP2_CANCEL),
      ],
      [
        '/during',
        (client: ClientHttp2Session) => {
          const stream = client.request({ ':path': '/during' });
          stream.on('error', () => {}).on('data', () => stream.close(constants.NGHTTP2_CANCEL));
        },
      ],
      [
        '/during',
        (client: ClientHttp2Session) => {
          client
            .request({ ':path': '/during' })
            .on('error', () => {})
            .on('data', () => client.destroy());
        },
      ],
    ] as const) {
      const count = recorded.serverMetrics.length;
      act(session(port));
      await ended(count + 1);
      assert.equal(recorded.access[count].scope.path, path);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(
      recorded.serverMetrics.map(({ statusCode, errorType }) => [statusCode, errorType]),
      Array.from({ length: 3 }, () => [undefined, 'aborted']),
    );
    assert.ok(recorded.server().every((span) => span.ends === 1 && span.status.code === 2));
    assert.equal(recorded.active, 0);
  });

  test('reset by the app, and destroyed by it', async () => {
    const port = await streams((stream, headers) => {
      stream.on('error', () => {});
      if (headers[':path'] === '/close') stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      else stream.destroy(new Error('no'));
    });
    const client = session(port);
    await askOver(client, { ':path': '/close' });
    await askOver(client, { ':path': '/destroy' });
    await ended(2);
    assert.deepEqual(
      recorded.serverMetrics.map(({ errorType }) => errorType),
      ['aborted', 'aborted'],
    );
  });

  test('a long answer is in the gauge until its end', async () => {
    let finish = (): void => {};
    const port = await compat((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      finish = () => void response.end('data: 2\n\n');
    });
    const answer = askOver(session(port), { ':path': '/events' });
    await eventually('the request', () => (recorded.active === 1 ? true : undefined), { pauseMillis: 2 });
    assert.equal(recorded.serverMetrics.length, 0);
    finish();
    assert.equal((await answer).body, 'data: 1\n\ndata: 2\n\n');
    await ended(1);
    assert.equal(recorded.active, 0);
  });

  test('the process goes: open streams end as aborted', async () => {
    const port = await streams((stream) => stream.respond({ ':status': 200 }));
    const stream = session(port).request({ ':path': '/' });
    await new Promise((resolve) => stream.on('response', resolve));
    recorded.instruments.abortOpenRequests();
    assert.equal(recorded.serverMetrics[0].errorType, 'aborted');
    stream.close();
  });
});
