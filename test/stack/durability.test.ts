/** Acknowledged is on disk: the stack as a program, killed and stopped in the middle of taking things in. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bulkOf } from './sample-request.ts';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly stdout: string[];
}

async function up(directory: string, options: string[] = []): Promise<Running> {
  const child = spawn(
    process.execPath,
    [MAIN, 'up', '--port', '0', '--no-native-ports', '--data-dir', join(directory, 'stack'), ...options],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SIGHTLINE_DATA_DIR: directory },
    },
  );
  const stdout: string[] = [];
  let stderr = '';
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      stdout.push(line);
      const match = /http:\/\/\S+/.exec(line);
      if (match !== null) resolve(match[0]);
    });
    child.once('exit', (code) => reject(new Error(`up ended with ${code}: ${stderr}`)));
  });
  return { process: child, url, stdout };
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) =>
    child.exitCode !== null || child.signalCode !== null
      ? resolve(child.exitCode)
      : child.once('exit', (code) => resolve(code)),
  );

/** Sends lines and spans until the stack is gone; tells what was acknowledged. */
function sendUntilGone(url: string, prefix: string) {
  const acknowledged = { logs: [] as string[], spans: [] as string[] };
  const run = async (lane: number) => {
    for (let number = 0; ; number += 1) {
      const ids = Array.from({ length: 20 }, (_, index) => `${prefix}-${lane}-${number}-${index}`);
      const document = { '@timestamp': new Date().toISOString(), message: 'x' };
      const logged = await fetch(`${url}/elasticsearch/_bulk`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: bulkOf(
          ids.map(() => document),
          (index) => ids[index]!,
        ),
      });
      const answer = (await logged.json()) as { items: { create: { status: number; _id: string } }[] };
      acknowledged.logs.push(
        ...answer.items.filter((item) => item.create.status === 201).map((item) => item.create._id),
      );
      const traceId = `${(lane + 1).toString(16)}${number.toString(16).padStart(15, '0')}`;
      const posted = await fetch(`${url}/zipkin/api/v2/spans`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ traceId, id: '1', timestamp: Date.now() * 1000 }]),
      });
      await posted.arrayBuffer();
      if (posted.status === 202) acknowledged.spans.push(traceId);
    }
  };
  const lanes = Array.from({ length: 4 }, (_, lane) => run(lane).catch(() => {}));
  return { acknowledged, gone: Promise.all(lanes) };
}

async function assertKept(url: string, acknowledged: { logs: string[]; spans: string[] }): Promise<void> {
  const kept = new Set<string>();
  // Sent again, every acknowledged document is a conflict: it is there.
  for (let at = 0; at < acknowledged.logs.length; at += 1000) {
    const ids = acknowledged.logs.slice(at, at + 1000);
    const again = await fetch(`${url}/elasticsearch/_bulk`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: bulkOf(
        ids.map(() => ({ '@timestamp': new Date().toISOString() })),
        (index) => ids[index]!,
      ),
    });
    for (const item of ((await again.json()) as { items: { create: { status: number; _id: string } }[] }).items)
      if (item.create.status === 409) kept.add(item.create._id);
  }
  assert.deepEqual(
    acknowledged.logs.filter((id) => !kept.has(id)),
    [],
    'acknowledged documents that are lost',
  );
  for (const traceId of acknowledged.spans)
    assert.equal((await fetch(`${url}/zipkin/api/v2/trace/${traceId}`)).status, 200, `span ${traceId}`);
}

for (const [name, signal] of [
  ['kill -9', 'SIGKILL'],
  ['SIGTERM', 'SIGTERM'],
  ['SIGINT', 'SIGINT'],
] as const) {
  test(`${name} while things come in: what was acknowledged is there at the next start`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sightline-kill-'));
    try {
      const first = await up(directory);
      const sending = sendUntilGone(first.url, name.replace(' ', ''));
      while (sending.acknowledged.logs.length < 400) await new Promise((resolve) => setTimeout(resolve, 10));
      first.process.kill(signal);
      const code = await ended(first.process);
      await sending.gone;
      if (signal !== 'SIGKILL') assert.equal(code, 0);
      assert.equal(first.stdout.length, 1, 'one line on stdout');
      const second = await up(directory);
      await assertKept(second.url, sending.acknowledged);
      second.process.kill('SIGTERM');
      assert.equal(await ended(second.process), 0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

test('a second stack on the same directory says who holds it; a lock of a process that is gone is taken over', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sightline-lock-'));
  try {
    const first = await up(directory);
    await assert.rejects(
      up(directory),
      new RegExp(
        `up ended with 1: SIGHTLINE_E_STACK_BUSY: got data directory \\S+, which process ${first.process.pid} holds; .*--data-dir`,
      ),
    );
    first.process.kill('SIGTERM');
    await ended(first.process);
    const lock = join(directory, 'stack', 'stack.lock');
    assert.throws(() => readFileSync(lock), { code: 'ENOENT' });
    // Our own pid, but a start time that is not ours: the number was given out again.
    const { hostname } = await import('node:os');
    writeFileSync(
      lock,
      JSON.stringify({
        pid: process.pid,
        startTime: '1',
        bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
        host: hostname(),
      }),
    );
    const second = await up(directory);
    second.process.kill('SIGTERM');
    assert.equal(await ended(second.process), 0);
    writeFileSync(lock, 'torn');
    const third = await up(directory);
    third.process.kill('SIGTERM');
    assert.equal(await ended(third.process), 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
