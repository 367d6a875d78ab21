/** What may be left out is left out alike over HTTP/1 and HTTP/2, with the journal and with the stock exporters. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { type Child, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const APP = `
import { createServer } from 'node:http';
import http2 from 'node:http2';
import pino from 'pino';
const log = pino();
async function handle(request, response) {
  const path = request.url;
  log.info({ long: 'x'.repeat(50), a: 1, b: 2 }, 'in ' + path);
  await (await fetch(process.env.NEXT + path + '?a=some-long-query')).text();
  response.statusCode = path.endsWith('/fail') ? 500 : 200;
  response.end('ok');
}
const plain = createServer(handle).listen(0, '127.0.0.1', () => {
  const second = http2.createServer(handle).listen(0, '127.0.0.1', () => console.log('listening', plain.address().port, second.address().port));
});
`;

const USER_AGENT = 'cost-test/1.0 (token=canary-agent)';
const PATHS = ['/orders/7', '/quiet/a', '/quiet/fail', '/other'] as const;

function over2(port: number, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const stream = session.request({ ':path': path, ...headers });
    let status = 0;
    stream.on('response', (answer) => (status = Number(answer[':status'])));
    stream.on('end', () => session.close(() => resolve(status))).resume();
    stream.on('error', reject).end();
  });
}

for (const delivery of ['journal', 'direct']) {
  describe(`delivery: ${delivery}`, () => {
    /** What the next service was told, by the path that it was asked for. */
    const told = new Map<string, IncomingHttpHeaders>();
    const next = createServer((request, response) => {
      told.set((request.url ?? '').replace(/\?.*/, ''), request.headers);
      response.end();
    });
    let receiver: Receiver;
    let child: Child;
    let ports: number[];

    before(async () => {
      receiver = await startReceiver();
      await new Promise<void>((resolve) => next.listen(0, '127.0.0.1', resolve));
      child = startChild({
        cwd: createProject({ name: 'costs', packages: ['pino'], files: { 'app.mjs': APP } }),
        args: ['--import', 'sightline/register', 'app.mjs'],
        env: {
          ...receiver.environment,
          NEXT: `http://127.0.0.1:${(next.address() as { port: number }).port}`,
          SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
          SIGHTLINE_DELIVERY: delivery,
          SIGHTLINE_TRACES_ROUTES: 'GET /orders/:id=1,/quiet/*=0',
          SIGHTLINE_TRACES_KEEP: 'errors',
          OTEL_TRACES_SAMPLER: 'parentbased_always_off',
          OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '30',
          OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: '2',
          SIGHTLINE_ACCESS_LOG: 'sampled',
          SIGHTLINE_CLIENT_DETAILS: 'logs',
        },
      });
      ports = (await child.line(/listening (\d+) (\d+)/)).slice(1).map(Number);
    });
    after(async () => {
      child.kill('SIGKILL');
      next.close();
      await receiver.close();
    });

    for (const version of ['1', '2'] as const) {
      test(`over HTTP/${version}`, async () => {
        const request = async (path: string, headers: Record<string, string> = {}) => {
          const all = { 'user-agent': USER_AGENT, 'x-correlation-id': `${version}${path}`, ...headers };
          if (version === '2') return over2(ports[1] ?? 0, path, all);
          return (await send(`http://127.0.0.1:${ports[0]}${path}`, { headers: all })).status;
        };
        told.clear();
        for (const path of PATHS) assert.equal(await request(path), path === '/quiet/fail' ? 500 : 200);
        // A caller that has decided is followed.
        const traceparent = `00-0af7651916cd43dd8448eb211c8031${version}c-b7ad6b7169203331-01`;
        await request('/quiet/called', { traceparent });

        const mine = <Item extends { readonly [name: string]: any }>(
          items: readonly Item[],
          id: (item: Item) => unknown,
        ) => items.filter((item) => String(id(item)).startsWith(`${version}/`));
        const spans = await eventually('the spans', () => {
          const found = mine(receiver.spans, ({ tags }) => tags?.['correlation.id']);
          return found.length >= 6 ? found : undefined;
        });
        const servers = spans.filter(({ kind }) => kind === 'SERVER').map(({ tags }) => tags?.['url.path']);
        assert.deepEqual(servers.sort(), ['/orders/7', '/quiet/called', '/quiet/fail']);
        assert.equal(spans.length, 6, 'each with its call, and nothing else');
        for (const span of spans) {
          assert.equal(span.tags?.['client.address'], undefined);
          assert.equal(span.tags?.['user_agent.original'], undefined);
          if (span.kind === 'CLIENT') assert.equal(span.tags?.['url.full']?.length, 30);
        }
        const flags = [...told].map(([path, headers]) => [path, String(headers['traceparent']).slice(-1)]);
        // Random trace IDs say so in the second bit.
        const sampled = Object.fromEntries(flags.map(([path, flag]) => [path, (Number(flag) & 1) === 1]));
        assert.deepEqual(sampled, {
          '/orders/7': true,
          '/quiet/a': false,
          '/quiet/fail': false,
          '/other': false,
          '/quiet/called': true,
        });

        const lines = await eventually('the lines', () => {
          const found = mine(receiver.documents, (line) => line['correlation.id']);
          return found.length >= 8 ? found : undefined;
        });
        const access = lines.filter((line) => line['event.type'] !== undefined);
        assert.deepEqual(access.map((line) => line['url.path']).sort(), ['/orders/7', '/quiet/called', '/quiet/fail']);
        for (const line of access) {
          assert.match(line['client.address'], /127\.0\.0\.1$/);
          assert.match(line['client.ip'], /127\.0\.0\.1$/);
          assert.equal(line['user_agent.original'], 'cost-test/1.0 (token=[redacted])');
        }
        for (const line of lines.filter(({ message }) => message.startsWith('in '))) {
          assert.deepEqual([line['long'], line['a'], line['app.more']], ['x'.repeat(30), 1, '[["b",2]]']);
        }
      });
    }
  });
}
