/**
 * `node benchmarks/sockets.ts [--sockets 10000] [--requests 3]`: that many kept-alive connections to one server, bare and
 * observed, each with that many requests, one after the other. Prints what every socket and request costs, and fails when
 * an answer is missing or `/metrics` counts otherwise. Needs twice as many file descriptors (`ulimit -n`) and a build.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { sockets: { type: 'string', default: '10000' }, requests: { type: 'string', default: '3' } },
});
const SOCKETS = Number(values.sockets);
const REQUESTS = Number(values.requests);
/** Connections made at a time: below the backlog of a listening socket. */
const WAVE = 250;
const REQUEST = 'GET /orders/7 HTTP/1.1\r\nHost: bench\r\n\r\n';
const ADMIN_PORT = '9471';

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

function start(observed: boolean, dataDir: string): Promise<Server> {
  const args = [...(observed ? ['--import', 'sightline/register'] : []), join(root, 'benchmarks/apps/hello.cjs')];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      OTEL_SERVICE_NAME: 'bench',
      // Nothing listens there: everything stays in the journal.
      SIGHTLINE_STACK_URL: 'http://127.0.0.1:9',
      SIGHTLINE_DATA_DIR: dataDir,
      SIGHTLINE_ADMIN_PORT: ADMIN_PORT,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      const port = /listening on (\d+)/.exec(String(chunk))?.[1];
      if (port !== undefined) resolve({ child, port: Number(port) });
    });
  });
}

function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

function ask(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.includes('{"hello":"world"}')) return;
      socket.off('data', read).off('close', lost);
      resolve();
    };
    const lost = (): void => reject(new Error('a connection was lost'));
    socket.on('data', read).on('close', lost).write(REQUEST);
  });
}

async function counted(): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${ADMIN_PORT}/metrics`)).text();
  const counts = page.matchAll(/^http_server_request_duration_seconds_count\{[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function round(observed: boolean): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sightline-sockets-'));
  const { child, port } = await start(observed, dataDir);
  const pid = child.pid ?? 0;
  const sockets: Socket[] = [];
  try {
    const before = residentKiB(pid);
    while (sockets.length < SOCKETS) {
      const wave = Math.min(WAVE, SOCKETS - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: wave }, () => open(port)))));
    }
    const begin = performance.now();
    for (let turn = 0; turn < REQUESTS; turn += 1) {
      for (let at = 0; at < sockets.length; at += WAVE) await Promise.all(sockets.slice(at, at + WAVE).map(ask));
    }
    const micros = ((performance.now() - begin) * 1000) / (SOCKETS * REQUESTS);
    const perSocket = (residentKiB(pid) - before) / SOCKETS;
    if (observed) {
      await sleep(100);
      const count = await counted();
      if (count !== SOCKETS * REQUESTS) throw new Error(`${count} requests are counted of ${SOCKETS * REQUESTS}`);
    }
    const name = observed ? 'observed' : 'bare';
    process.stdout.write(
      `${name}: ${SOCKETS} sockets, ${perSocket.toFixed(1)} KiB each; ${SOCKETS * REQUESTS} requests, ${micros.toFixed(0)} µs each\n`,
    );
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy();
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

for (const observed of [false, true]) await round(observed);
