/** The main job from outside: real services, real HTTP, one ID found everywhere; and nothing left behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missingParts } from '../../lib/cli/demo/proof.ts';
import type { CorrelationView } from '../../lib/stack/correlate.ts';
import { eventually } from '../stack/running-stack.ts';
import { NODE_NEWEST, NODE_OLDEST, NODE_TOO_OLD } from '../support/nodes.ts';
import { processesWith, sightline } from './command-line.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const skip = existsSync(join(ROOT, 'dist/register.js')) ? false : 'skipped: the package is not built; npm run build';

async function withTaken(port: number, body: () => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  const taken = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  try {
    await body();
  } finally {
    if (taken) await new Promise((resolve) => server.close(resolve));
  }
}

for (const delivery of ['journal', 'direct'] as const) {
  test(`demo --once, ${delivery}: one ID in the spans and lines of all three services and in an exemplar`, {
    skip,
  }, async () => {
    const marker = `demo-once-${delivery}-${process.pid}`;
    const ended = await sightline(['demo', '--once', '--json'], {
      env: { SIGHTLINE_DELIVERY: delivery, TEST_MARKER: marker },
    });
    assert.equal(ended.code, 0, ended.stderr);
    const { id, correlation } = JSON.parse(ended.stdout) as { id: string; correlation: CorrelationView };
    assert.deepEqual([correlation.id, missingParts(correlation)], [id, []]);
    assert.deepEqual(correlation.services.toSorted(), ['orders', 'payments', 'storefront']);
    assert.deepEqual(await processesWith(marker), []);
  });
}

test('demo --once works when its ports are taken, and prints the tree', { skip }, async () => {
  await withTaken(4380, async () => {
    const ended = await sightline(['demo', '--once']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^POST \/checkout /m);
    assert.match(ended.stdout, /^ +\+\d.* payments POST/m);
    assert.match(ended.stdout, /One ID, found in the spans and log lines of 3 services and in \d+ exemplars\./);
    assert.doesNotMatch(ended.stderr, /http:\/\/127\.0\.0\.1:4380/);
  });
});

for (const node of [NODE_OLDEST, NODE_NEWEST]) {
  test(`demo --once on Node ${node.version}`, { skip: skip === false ? node.missing : skip }, () => {
    const ended = spawnSync(node.path, [join(ROOT, 'dist/cli/main.js'), 'demo', '--once'], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    assert.equal(ended.status, 0, ended.stderr);
    assert.match(ended.stdout, /found in the spans and log lines of 3 services/);
    assert.doesNotMatch(ended.stderr, /ExperimentalWarning/);
  });
}

test(`Node ${NODE_TOO_OLD.version} is told what to do`, { skip: skip === false ? NODE_TOO_OLD.missing : skip }, () => {
  const ended = spawnSync(NODE_TOO_OLD.path, [join(ROOT, 'dist/cli/main.js'), 'demo', '--once'], { encoding: 'utf8' });
  assert.deepEqual([ended.status, ended.stdout], [1, '']);
  assert.match(ended.stderr, /^SIGHTLINE_E_RUNTIME: got Node 20\.19\.5, wanted 22\.16 or newer; .*\n$/);
});

test('demo --once names what is missing, for which service', () => {
  const view = (spans: string[], logs: string[], exemplars: number) =>
    ({
      spans: spans.map((serviceName) => ({ localEndpoint: { serviceName } })),
      logs: logs.map((name) => ({ service: { name } })),
      exemplars: new Array(exemplars).fill({}),
    }) as unknown as CorrelationView;
  const all = ['payments', 'orders', 'storefront'];
  assert.deepEqual(missingParts(view(all, all, 1)), []);
  assert.deepEqual(missingParts(view(['orders', 'storefront'], all, 0)), [
    'span of payments',
    'its trace in an exemplar',
  ]);
  assert.deepEqual(missingParts(view(all, ['payments', 'orders'], 1)), ['log line of storefront']);
  assert.equal(missingParts(undefined).length, 7);
});

for (const [name, signal] of [
  ['Ctrl-C in a terminal, which reaches the whole group', 'group'],
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
  ['kill -9 of the demo', 'SIGKILL'],
] as const) {
  test(`${name} leaves no process behind`, { skip }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sightline-demo-test-'));
    const marker = `demo-${signal}-${process.pid}`;
    try {
      let running = 0;
      const ended = sightline(['demo'], {
        detached: true,
        env: {
          SIGHTLINE_STACK_URL: `http://127.0.0.1:${await unusedPort()}`,
          SIGHTLINE_DATA_DIR: directory,
          TEST_MARKER: marker,
        },
        onOutput: (stdout, _, child) => {
          if (!/^Sightline is up: http/.test(stdout) || running > 0) return;
          running = 1;
          void processesWith(marker).then((pids) => {
            running = pids.length;
            process.kill(signal === 'group' ? -child.pid! : child.pid!, signal === 'group' ? 'SIGINT' : signal);
          });
        },
      });
      const { code, stderr } = await ended;
      if (process.platform === 'linux') assert.equal(running, 5, `the demo, its guardian, three services: ${stderr}`);
      assert.equal(code, signal === 'SIGKILL' ? null : 0, stderr);
      await eventually(async () => (await processesWith(marker)).length === 0, 'the end of all processes');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('as an installed package: without express and fastify it says what to install, with them it runs', {
  skip,
}, async () => {
  const project = mkdtempSync(join(tmpdir(), 'sightline-installed-'));
  try {
    const modules = join(project, 'node_modules');
    const installed = join(modules, 'sightline');
    mkdirSync(installed, { recursive: true });
    for (const part of ['package.json', 'dist', 'examples', 'dashboards'])
      cpSync(join(ROOT, part), join(installed, part), { recursive: true });
    for (const name of ['pino', 'prom-client', '@opentelemetry/api']) {
      mkdirSync(join(modules, name, '..'), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    const demo = () =>
      spawnSync(process.execPath, [join(installed, 'dist/cli/main.js'), 'demo', '--once'], {
        cwd: project,
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '' },
        timeout: 60_000,
      });
    const missing = demo();
    assert.equal(missing.status, 1);
    assert.match(
      missing.stderr,
      /^SIGHTLINE_E_PEER_MISSING: got no express and fastify, .*run npm install express fastify\n$/,
    );
    for (const name of ['express', 'fastify']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    const there = demo();
    assert.equal(there.status, 0, there.stderr);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});
