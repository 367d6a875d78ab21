/**
 * What containers do to a process, without a container: process 1 of its own namespace, a read-only root, a user whom nobody
 * knows, no home, no room. It works, or one line says what it cannot do; the app is served in any case.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type Child, startProgram } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OWN } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { documentsOf, spansOf } from './serving.ts';

/** Namespaces of mounts and processes need the right to make them. */
const UNSHARE = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
const canUnshare = process.platform === 'linux' && spawnSync('unshare', [...UNSHARE, 'true']).status === 0;
const skip = canUnshare ? undefined : 'no right to make namespaces; run it as root on Linux';

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

interface Conditions {
  /** Commands of a shell that has the namespaces for itself, before the app; `$PWD` is the project. */
  readonly prepare?: string;
  readonly user?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly app?: string;
}

interface Contained {
  readonly child: Child;
  readonly project: string;
  readonly port: string | undefined;
  /** Process ID outside of the namespace. */
  readonly pid: number;
}

/** Starts the app as process 1 of its own namespace. */
async function contain({ prepare = '', user, env = {}, app = 'app.mjs' }: Conditions): Promise<Contained> {
  const project = createProject({
    name: 'order-service',
    packages: ['pino'],
    files: { 'app.mjs': fixture('loading/esm.mjs'), 'floods.mjs': FLOODS },
  });
  chmodSync(project, 0o755);
  mkdirSync(join(project, 'tmp'));
  chmodSync(join(project, 'tmp'), 0o1777);
  const as = user === undefined ? '' : `setpriv --reuid ${user} --regid ${user} --clear-groups `;
  const script = `set -e\n${prepare}\nexec ${as}'${NODE_OWN.path}' --import sightline/register ${app}`;
  const child = startProgram('unshare', [...UNSHARE, 'sh', '-c', script], {
    cwd: project,
    env: {
      ...receiver.environment,
      HOME: temporaryDirectory('home'),
      TMPDIR: join(project, 'tmp'),
      ...env,
    },
  });
  const [, port] = await child.line(/listening (\d+)/);
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
  return { child, project, port, pid };
}

/** Many lines, longer than a small disk. */
const FLOODS = `
import { createServer } from 'node:http';
import pino from 'pino';
const logger = pino({ base: undefined, timestamp: false, level: 'info' }, { write() {} });
const server = createServer((request, response) => {
  response.setHeader('connection', 'close');
  if (request.url === '/stop') { response.end(); process.exitCode = 3; server.close(); return; }
  for (let n = 0; n < 3000; n += 1) logger.info({ n, text: 'x'.repeat(500) }, 'flood');
  response.end('served');
});
server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port));
`;

async function ask({ port }: Contained, id: string): Promise<void> {
  const answer = await send(`http://127.0.0.1:${port}/orders/7`, { headers: { 'x-correlation-id': id } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-correlation-id'], id);
}

async function stop(contained: Contained): Promise<string> {
  await send(`http://127.0.0.1:${contained.port}/stop`);
  const ended = await contained.child.ended;
  assert.equal(ended.code, 3, ended.stderr);
  return ended.stderr;
}

suite('process 1', { skip }, () => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(`${signal} ends it as a shell would report it, with everything delivered`, async () => {
      const contained = await contain({ env: { SIGHTLINE_DRAIN_TIMEOUT: '5s' } });
      assert.match(readFileSync(`/proc/${contained.pid}/status`, 'utf8'), /^NSpid:\t\d+\t1$/m);
      const id = `pid-1-${signal}`;
      await ask(contained, id);
      process.kill(contained.pid, signal);
      const ended = await contained.child.ended;
      assert.deepEqual([ended.code, ended.stderr], [code, '']);
      await documentsOf(receiver, id, 2);
      await spansOf(receiver, id, 1);
    });
  }
});

const WRITABLE: readonly (Conditions & { readonly name: string })[] = [
  { name: 'a root that is read-only, but for the temporary directory', prepare: readOnlyRoot('tmp') },
  { name: 'a user without an entry, no HOME', user: 12_345, env: { HOME: undefined } },
  { name: 'a user without an entry, HOME=/', user: 12_345, env: { HOME: '/' } },
  { name: "a user with somebody else's home", user: 12_345, env: { HOME: '/root' } },
  { name: 'nobody, whose home does not exist', user: 65_534, env: { HOME: undefined } },
  { name: 'no /etc/passwd', prepare: 'mount --bind /dev/null /etc/passwd', user: 12_345, env: { HOME: undefined } },
  { name: 'a temporary directory that does not exist', env: { TMPDIR: '/does/not/exist' } },
];

/** The whole tree read-only, with a small disk in memory at a folder of the project. */
function readOnlyRoot(folder: string): string {
  return `mount -t tmpfs -o size=8m,mode=1777 none "$PWD/${folder}"\nmount -o remount,bind,ro /`;
}

suite('somewhere to write', { skip }, () => {
  for (const { name, ...conditions } of WRITABLE) {
    test(`${name}: all works`, async () => {
      const contained = await contain(conditions);
      const id = name.replaceAll(/[^a-z0-9]+/gi, '-');
      await ask(contained, id);
      await documentsOf(receiver, id, 2);
      await spansOf(receiver, id, 1);
      assert.equal(await stop(contained), '');
    });
  }
});

const LINES_WITHOUT_DISK =
  /^sightline: SIGHTLINE_W_DATA_DIR: [^\n]* set SIGHTLINE_DATA_DIR, or name 127\.0\.0\.1:\d+ to Prometheus yourself\nsightline: SIGHTLINE_E_JOURNAL: [^\n]*records are dropped and counted[^\n]*\n$/;

suite('nowhere to write', { skip }, () => {
  const NOWHERE: readonly (Conditions & { readonly name: string })[] = [
    { name: 'everything read-only', prepare: 'mount -o remount,bind,ro /' },
    {
      name: 'a data directory that is read-only',
      prepare: readOnlyRoot('tmp'),
      env: { SIGHTLINE_DATA_DIR: '/var/lib/orders' },
    },
    { name: 'a user who may write nowhere', user: 12_345, env: { HOME: '/root', TMPDIR: '/proc' } },
  ];
  for (const { name, ...conditions } of NOWHERE) {
    test(`${name}: what it cannot do is said in a line each; IDs and metrics work`, async () => {
      const contained = await contain(conditions);
      await ask(contained, name.replaceAll(' ', '-'));
      const line = await eventually(
        'the line with the address',
        () => /or name (127\.0\.0\.1:\d+) to Prometheus/.exec(contained.child.stderr()) ?? undefined,
      );
      const page = await (await fetch(`http://${line[1]}/metrics`)).text();
      assert.match(page, /^http_server_request_duration_seconds_count\{.*\} 1$/m);
      assert.match(page, /^sightline_telemetry_records_total\{.*dropped.*\} [1-9]/m);
      assert.match(await stop(contained), LINES_WITHOUT_DISK);
    });
  }

  test('direct delivery needs no disk', async () => {
    const contained = await contain({
      prepare: 'mount -o remount,bind,ro /',
      env: { SIGHTLINE_DELIVERY: 'direct', SIGHTLINE_METRICS: 'statsd', OTEL_BSP_SCHEDULE_DELAY: '100' },
    });
    await ask(contained, 'direct-read-only');
    await spansOf(receiver, 'direct-read-only', 1);
    await documentsOf(receiver, 'direct-read-only', 2);
    await stop(contained);
  });

  test('a disk that is full soon: one line, and every request is served', async () => {
    const contained = await contain({
      prepare: 'mkdir -p "$PWD/tmp/small"\nmount -t tmpfs -o size=256k none "$PWD/tmp/small"',
      app: 'floods.mjs',
      env: { SIGHTLINE_DATA_DIR: 'tmp/small', SIGHTLINE_ELASTICSEARCH_URL: 'http://127.0.0.1:9/elasticsearch' },
    });
    await ask(contained, 'small-disk');
    await ask(contained, 'small-disk');
    assert.deepEqual(readdirSync(join(contained.project, 'tmp', 'small')), [], 'it is a mount of the namespace');
    const said = (await stop(contained)).split('\n').filter((text) => text.includes('SIGHTLINE_E_'));
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /SIGHTLINE_E_JOURNAL: .*ENOSPC/);
  });
});
