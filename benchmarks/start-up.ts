/**
 * What the one line costs short programs: from the start of the process to its end, and to the first listen, in
 * milliseconds of wall time: `node benchmarks/start-up.ts [--rounds 15]`, after `npm run build`. Bare and observed rounds are
 * interleaved; medians. Everything is delivered to a sink on the loopback; who has to wait for its answer shows here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const ROUNDS = Number(values.rounds);

const pino = JSON.stringify(join(root, 'node_modules/pino'));
const CASES: readonly { readonly name: string; readonly code: string; readonly env?: NodeJS.ProcessEnv }[] = [
  { name: 'a script that does nothing', code: '' },
  { name: 'a script that logs one line with pino', code: `require(${pino})().info('done');` },
  {
    name: 'the same, process.exit() at once',
    code: `require(${pino})().info('done'); process.exit(0);`,
  },
  { name: 'a job that pushes its metrics', code: '', env: { SIGHTLINE_METRICS: 'push' } },
  {
    name: 'a server, until it listens',
    code: "require('node:http').createServer().listen(0, '127.0.0.1', () => require('node:fs').writeSync(1, 'up'));",
  },
];

const sink = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const count = body.split('\n').filter((line) => line.includes('"create"')).length;
    const items = Array.from({ length: count }, () => ({ create: { status: 201 } }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: false, items }));
  });
});
sink.listen(0, '127.0.0.1');
await once(sink, 'listening');
const stack = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
const directory = mkdtempSync(join(tmpdir(), 'sightline-start-up-'));

/** Milliseconds until the program says that it listens, or ends. */
async function run(file: string, observed: boolean, env: NodeJS.ProcessEnv | undefined): Promise<number> {
  const line = observed ? ['--import', join(root, 'dist/register.js')] : [];
  const start = performance.now();
  const child = spawn(process.execPath, [...line, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      SIGHTLINE_STACK_URL: stack,
      SIGHTLINE_DATA_DIR: join(directory, 'data'),
      SIGHTLINE_ADMIN_PORT: '0',
      ...env,
    },
  });
  let first: number | undefined;
  child.stdout.on('data', (text: Buffer) => {
    if (text.toString() !== 'up') return;
    first = performance.now() - start;
    child.kill('SIGKILL');
  });
  await once(child, 'close');
  return first ?? performance.now() - start;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

process.stdout.write(`Node ${process.versions.node}, ${ROUNDS} interleaved rounds, medians, milliseconds\n`);
for (const [index, { name, code, env }] of CASES.entries()) {
  const file = join(directory, `case-${index}.cjs`);
  writeFileSync(file, `${code}\n`);
  const times: Record<'bare' | 'observed', number[]> = { bare: [], observed: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    const bare = await run(file, false, env);
    const observed = await run(file, true, env);
    // The first one warms the caches of the system.
    if (round === 0) continue;
    times.bare.push(bare);
    times.observed.push(observed);
  }
  const [bare, observed] = [median(times.bare), median(times.observed)];
  const added = (observed - bare).toFixed(0);
  process.stdout.write(`${name.padEnd(40)} bare ${bare.toFixed(0)}  observed ${observed.toFixed(0)}  added ${added}\n`);
}
sink.closeAllConnections();
sink.close();
rmSync(directory, { recursive: true, force: true });
