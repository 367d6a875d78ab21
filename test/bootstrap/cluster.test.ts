/** One admin port for all processes of a cluster, against real clusters. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { announcedAdmin } from '../support/announced.ts';
import { cleanEnvironment, startChild, startProgram } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_NEWEST, NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const WORKERS = 3;

/** Workers say whatever the app's own listeners hear; the primary starts a new one for each that ends. */
const APP = `
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import pino from 'pino';
if (cluster.isPrimary) {
  if (process.env.UNOBSERVED_PRIMARY) cluster.setupPrimary({ execArgv: ['--import', 'sightline/register'] });
  for (let index = 0; index < ${WORKERS}; index += 1) cluster.fork();
  let listening = 0;
  cluster.on('listening', (_, { port }) => {
    listening += 1;
    console.log(listening === ${WORKERS} ? 'listening ' + port : 'again ' + port);
  });
  cluster.on('message', (_, message) => console.log('heard', JSON.stringify(message)));
  cluster.on('exit', () => cluster.fork());
} else {
  process.on('message', (message) => console.log('heard', JSON.stringify(message)));
  const logger = pino({ name: 'app' });
  const server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    const [, what] = request.url.split('/');
    if (what === 'kill') process.kill(process.pid, 'SIGKILL');
    if (what === 'exit') process.exit(1);
    if (what === 'level') return response.end(process.pid + ' ' + logger.level);
    response.end(String(process.pid));
    if (what === 'block') setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000));
  });
  server.listen(0, '127.0.0.1');
}
`;

interface Running {
  readonly url: string;
  readonly admin: string;
  readonly dataDir: string;
  readonly output: () => string;
}

async function startCluster(t: TestContext, node: NodeRuntime, observedPrimary: boolean): Promise<Running> {
  const dataDir = temporaryDirectory('data');
  const child = startChild({
    node,
    cwd: createProject({ name: 'order-service', packages: ['pino'], files: { 'app.mjs': APP } }),
    args: [...(observedPrimary ? ['--import', 'sightline/register'] : []), 'app.mjs'],
    env: {
      SIGHTLINE_DATA_DIR: dataDir,
      SIGHTLINE_ADMIN_PORT: '0',
      SIGHTLINE_LOGS: 'none',
      OTEL_TRACES_EXPORTER: 'none',
      ...(!observedPrimary && { UNOBSERVED_PRIMARY: '1' }),
    },
  });
  t.after(() => child.stop());
  const [, port] = await child.line(/listening (\d+)/);
  const admin = await announcedAdmin(dataDir);
  return { url: `http://127.0.0.1:${port}`, admin, dataDir, output: () => child.stdout() + child.stderr() };
}

/** Requests that were answered 200, as the page counts them. */
async function counted(admin: string): Promise<number> {
  const { status, body } = await send(`${admin}/metrics`);
  assert.equal(status, 200);
  const line = body
    .split('\n')
    .filter((candidate) => /^http_server_request_duration_seconds_count.*"200"/.test(candidate));
  return line.reduce((sum, candidate) => sum + Number(candidate.split(' ').at(-1)), 0);
}

function eventuallyCounted(admin: () => Promise<string>, wanted: number): Promise<true> {
  return eventually(`${wanted} requests on the page`, async () => {
    const now = await counted(await admin());
    assert.ok(now <= wanted, `${now} of ${wanted}`);
    return now === wanted ? true : undefined;
  });
}

async function serve(url: string, times: number): Promise<Set<string>> {
  const pids = new Set<string>();
  for (let index = 0; index < times; index += 1) {
    const answer = await send(`${url}/`);
    assert.equal(answer.status, 200);
    pids.add(answer.body);
  }
  return pids;
}

async function eventuallyWorkers(admin: string, wanted: number): Promise<void> {
  await eventually(`${wanted} workers on /health`, async () => {
    const page = JSON.parse((await send(`${admin}/health`)).body);
    return page.checks['cluster:workers'][0].observedValue === wanted ? true : undefined;
  });
}

for (const node of [NODE_OLDEST, NODE_OWN, NODE_NEWEST]) {
  suite(`a cluster with an observed primary, Node ${node.version}`, { skip: node.missing }, () => {
    test('one page counts all workers, those that died included, and the app hears nothing', async (t) => {
      const { url, admin, dataDir, output } = await startCluster(t, node, true);
      await eventuallyWorkers(admin, WORKERS);
      assert.equal(readdirSync(join(dataDir, 'targets')).length, 1, 'one target file');
      assert.ok((await serve(url, 12)).size > 1, 'several workers serve');
      const same = () => Promise.resolve(admin);
      await eventuallyCounted(same, 12);

      await assert.rejects(send(`${url}/kill`));
      await eventuallyWorkers(admin, WORKERS);
      await serve(url, 6);
      await eventuallyCounted(same, 18);

      await serve(url, 3);
      await assert.rejects(send(`${url}/exit`));
      await eventuallyCounted(same, 21);
      assert.doesNotMatch(output(), /heard|SIGHTLINE/);
    });
  });
}

suite('a worker that is blocked', () => {
  test('neither fails nor holds the scrape; /health names it, and its last counts stay', async (t) => {
    const { url, admin } = await startCluster(t, NODE_OWN, true);
    await eventuallyWorkers(admin, WORKERS);
    await serve(url, 9);
    await eventuallyCounted(() => Promise.resolve(admin), 9);
    assert.equal((await send(`${url}/block`)).status, 200);
    const page = await eventually('the warning', async () => {
      const answer = await send(`${admin}/health`);
      const [check] = JSON.parse(answer.body).checks['cluster:workers'];
      return check.status === 'warn' ? { answer, check } : undefined;
    });
    assert.equal(page.answer.status, 200);
    assert.equal(page.check.observedValue, WORKERS - 1);
    assert.match(page.check.output, /^no answer from worker \d+$/);
    const now = await counted(admin);
    assert.ok(now >= 9, 'its last counts stay');
    assert.equal((await send(`${admin}/readyz`)).status, 200);
    // It comes back by itself.
    await eventuallyWorkers(admin, WORKERS);
    await eventuallyCounted(() => Promise.resolve(admin), 10);
  });
});

suite('log levels', () => {
  test('PUT /loglevel reaches all workers', async (t) => {
    const { url, admin } = await startCluster(t, NODE_OWN, true);
    await eventuallyWorkers(admin, WORKERS);
    const body = JSON.stringify({ level: 'debug', logger: 'app' });
    const answer = await send(`${admin}/loglevel`, { method: 'PUT', body });
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.body).changed, ['app']);
    const everyWorkerHas = (wanted: string) => {
      const levels = new Map<string, string>();
      return eventually(`${wanted} in every worker`, async () => {
        const [pid = '', level = ''] = (await send(`${url}/level`)).body.split(' ');
        levels.set(pid, level);
        return levels.size === WORKERS && [...levels.values()].every((one) => one === wanted) ? true : undefined;
      });
    };
    await everyWorkerHas('debug');
    // For a time, in each: the second time takes over from the first, and what was there before both comes back.
    for (const [level, time] of [
      ['trace', '1h'],
      ['fatal', '100ms'],
    ] as const) {
      const set = await send(`${admin}/loglevel?level=${level}&for=${time}`, { method: 'PUT' });
      assert.match(JSON.parse(set.body).until, /^\d{4}-/);
      await everyWorkerHas(time === '1h' ? level : 'debug');
    }
  });
});

for (const node of [NODE_OLDEST, NODE_OWN]) {
  suite(`a cluster whose primary is not observed, Node ${node.version}`, { skip: node.missing }, () => {
    test('a worker answers for all, another takes over when it dies, and no counter falls', async (t) => {
      const { url, admin, dataDir } = await startCluster(t, node, false);
      await eventuallyWorkers(admin, WORKERS);
      let total = 0;
      const current = () => announcedAdmin(dataDir);
      for (let round = 0; round < 3; round += 1) {
        await serve(url, 8);
        total += 8;
        await eventuallyCounted(current, total);
        const [file = ''] = readdirSync(join(dataDir, 'targets'));
        const leader = Number(/-(\d+)\.json$/.exec(file)?.[1]);
        process.kill(leader, 'SIGKILL');
        await eventually('another leader', () =>
          readdirSync(join(dataDir, 'targets')).some((name) => name.endsWith('.json') && name !== file)
            ? true
            : undefined,
        );
        await eventuallyCounted(current, total);
        await eventuallyWorkers(await current(), WORKERS);
        assert.equal(readdirSync(join(dataDir, 'targets')).length, 1);
      }
    });
  });
}

const pm2 = npmFixture('pm2');
suite('PM2', { skip: pm2.missing }, () => {
  const PM2_APP = `
const { createServer } = require('node:http');
const server = createServer((_, response) => {
  response.setHeader('connection', 'close');
  response.end(String(process.pid));
});
server.listen(Number(process.env.APP_PORT), '127.0.0.1');
`;
  test('cluster mode: one page under the name of the app, kept over a reload; the daemon is left alone', async (t) => {
    const dataDir = temporaryDirectory('data');
    const cwd = createProject({ name: 'order-service', files: { 'app.cjs': PM2_APP } });
    const { createServer } = await import('node:net');
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const env = cleanEnvironment({
      PM2_HOME: temporaryDirectory('pm2'),
      NODE_OPTIONS: '--import=sightline/register',
      SIGHTLINE_DATA_DIR: dataDir,
      SIGHTLINE_ADMIN_PORT: '0',
      SIGHTLINE_LOGS: 'none',
      OTEL_TRACES_EXPORTER: 'none',
      APP_PORT: String(port),
    });
    const run = async (...args: string[]) => {
      const command = join(pm2.directory, 'node_modules/pm2/bin/pm2');
      const ended = await startProgram(NODE_OWN.path, [command, ...args, '--no-color'], { cwd, env }).ended;
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    };
    t.after(() => run('kill'));
    await run('start', 'app.cjs', '-i', String(WORKERS));
    const admin = await announcedAdmin(dataDir);
    await eventuallyWorkers(admin, WORKERS);
    assert.match(readdirSync(join(dataDir, 'targets')).join(), /^order-service@[^,]*$/);
    await serve(`http://127.0.0.1:${port}`, 10);
    const current = () => announcedAdmin(dataDir);
    await eventuallyCounted(current, 10);
    await run('reload', 'app');
    await eventually('the new leader', async () => ((await current()) === admin ? undefined : true));
    await serve(`http://127.0.0.1:${port}`, 5);
    await eventuallyCounted(current, 15);
  });
});
