import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parsePage } from '../metrics/page-parser.ts';
import { runChild, startChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

interface Push {
  readonly method: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string;
}

/** A gateway that remembers what it was told. */
async function startGateway(t: TestContext, answer: () => number = () => 200) {
  const pushes: Push[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      pushes.push({
        method: request.method ?? '',
        path: request.url ?? '',
        type: request.headers['content-type'],
        body,
      });
      response.writeHead(answer()).end('text of the gateway');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { pushes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const JOB = `import { metrics } from 'sightline';
import { createRequire } from 'node:module';
const client = createRequire(import.meta.url)('prom-client');
const rows = metrics.counter({ name: 'rows_imported_total', help: 'Rows imported.' });
rows.inc(41);
new client.Counter({ name: 'own_rows_total', help: 'Rows.' }).inc(7);
setTimeout(() => {
  rows.inc();
  if (process.argv[2] === 'exit') process.exit(3);
  if (process.argv[2] === 'signal') { setInterval(() => {}, 1000); console.log('up'); }
  if (process.argv[2] === 'throw') throw new Error('of the job');
  if (process.argv[2] === 'listens') process.on('beforeExit', () => console.log('before exit'));
}, 20);
`;

function job(url: string, way: string, env: NodeJS.ProcessEnv = {}) {
  const cwd = createProject({ name: 'nightly', type: 'module', files: { 'job.js': JOB }, packages: ['prom-client'] });
  return {
    cwd,
    args: ['--import', 'sightline/register', 'job.js', way],
    env: {
      SIGHTLINE_METRICS: 'push',
      SIGHTLINE_METRICS_PUSH_URL: url,
      SIGHTLINE_HOST: 'server1',
      SIGHTLINE_DATA_DIR: temporaryDirectory('push'),
      SIGHTLINE_DELIVERY: 'journal',
      ...env,
    },
  };
}

test('a job that runs out of work has pushed everything, its own prom-client included', async (t) => {
  const gateway = await startGateway(t);
  const { code, stderr } = await runChild(job(gateway.url, 'natural'));
  assert.equal(code, 0, stderr);
  const [push, ...more] = gateway.pushes;
  assert.equal(more.length, 0, 'once');
  assert.equal(push?.method, 'PUT');
  assert.equal(push.path, '/metrics/job/nightly/instance/server1');
  assert.equal(push.type, 'text/plain; version=0.0.4; charset=utf-8');
  const page = parsePage(push.body, 'text');
  assert.equal(page.get('rows_imported_total')?.samples[0]?.value, 42);
  assert.equal(page.get('own_rows_total')?.samples[0]?.value, 7);
  assert.ok((page.get('process_resident_memory_bytes')?.samples[0]?.value ?? 0) > 1e6);
  assert.ok(page.has('target_info'));
});

test('process.exit() and a thrown error: the last values are pushed, the exit code is the same', async (t) => {
  const gateway = await startGateway(t);
  assert.equal((await runChild(job(gateway.url, 'exit'))).code, 3);
  assert.equal((await runChild(job(gateway.url, 'throw'))).code, 1);
  assert.equal(gateway.pushes.length, 2);
  for (const { method, body } of gateway.pushes) {
    assert.equal(method, 'POST', 'adds to what was pushed before');
    assert.equal(parsePage(body, 'text').get('rows_imported_total')?.samples[0]?.value, 42);
  }
});

test('a signal: everything is pushed', async (t) => {
  const gateway = await startGateway(t);
  const child = startChild(job(gateway.url, 'signal', { SIGHTLINE_DRAIN_TIMEOUT: '3s' }));
  await child.line(/up/);
  assert.equal((await child.stop('SIGTERM')).signal, 'SIGTERM');
  const put = gateway.pushes.find(({ method }) => method === 'PUT');
  assert.equal(parsePage(put?.body ?? '', 'text').get('own_rows_total')?.samples[0]?.value, 7);
});

test("the app's own beforeExit runs once, as without us", async (t) => {
  const gateway = await startGateway(t);
  const { stdout } = await runChild(job(gateway.url, 'listens'));
  assert.equal(stdout, 'before exit\n');
  assert.deepEqual(
    gateway.pushes.map(({ method }) => method),
    ['POST'],
  );
});

test('a gateway that refuses or is not there: the job ends all the same, with one line', async (t) => {
  const refusing = await startGateway(t, () => 400);
  const refused = await runChild(job(refusing.url, 'natural'));
  assert.equal(refused.code, 0);
  assert.match(refused.stderr, /SIGHTLINE_W_BACKEND_DOWN: metrics: .* \(HTTP 400 text of the gateway\)/);
  const absent = await runChild(job('http://127.0.0.1:1', 'natural'));
  assert.equal(absent.code, 0);
  assert.match(absent.stderr, /SIGHTLINE_W_BACKEND_DOWN: metrics: .* \(connect ECONNREFUSED 127\.0\.0\.1:1\)/);
});

test('in direct mode, too', async (t) => {
  const gateway = await startGateway(t);
  const { code, stderr } = await runChild(
    job(gateway.url, 'natural', { SIGHTLINE_DELIVERY: 'direct', SIGHTLINE_LOGS: 'none', OTEL_TRACES_EXPORTER: 'none' }),
  );
  assert.equal(code, 0, stderr);
  await eventually('the push', () => gateway.pushes.find(({ method }) => method === 'PUT'), { timeoutMillis: 5000 });
});
