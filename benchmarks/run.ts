/**
 * `npm run bench`: what full observation costs, in CPU of the whole server process a request and in start-up. Bare and
 * observed rounds are interleaved in one run; a round counts until every span and line has arrived at the sink. On Linux
 * the server is pinned to one core, load and sink to another.
 *
 * `npm run bench -- [--rounds 7] [--requests 30000] [--write]`
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    requests: { type: 'string', default: '30000' },
    write: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(values.rounds);
const REQUESTS = Number(values.requests);
const WARM_UP = Math.ceil(REQUESTS / 3);

interface Workload {
  readonly name: string;
  readonly app: string;
  /** Log lines of the app's own a request. */
  readonly ownLines: number;
}
const WORKLOADS: readonly Workload[] = [
  { name: 'W1 node:http hello', app: 'hello.cjs', ownLines: 0 },
  { name: 'W2 Fastify 5, one pino line', app: 'fastify.mjs', ownLines: 1 },
];
const VARIANTS = ['bare', 'observed', 'observed + StatsD'] as const;
type Variant = (typeof VARIANTS)[number];

const canPin = process.platform === 'linux' && cpus().length > 1 && hasTaskset();
function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
function pinned(core: number, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(core), process.execPath, ...args]] : [process.execPath, [...args]];
}

/** CPU time of all threads of a process, microseconds; finer than the ticks of /proc/pid/stat. */
function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanos / 1000;
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** A line-by-line conversation with the load process. */
class Driver {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;
  sink = '';

  constructor() {
    const [command, args] = pinned(1, [join(root, 'benchmarks/load.ts')]);
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async answer(): Promise<Record<string, any>> {
    const { value, done } = await this.answers.next();
    if (done === true) throw new Error('the load process ended');
    return JSON.parse(value) as Record<string, any>;
  }

  ask(command: object): Promise<Record<string, any>> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    return this.answer();
  }

  close(): void {
    this.child.kill();
  }
}

function start(
  workload: Workload,
  variant: Variant,
  sink: string,
  dataDir: string,
): Promise<{ child: ChildProcess; port: number; millis: number }> {
  const observed = variant !== 'bare';
  const [command, args] = pinned(0, [
    ...(observed ? ['--import', 'sightline/register'] : []),
    join(root, 'benchmarks/apps', workload.app),
  ]);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    OTEL_SERVICE_NAME: 'bench',
    SIGHTLINE_STACK_URL: sink,
    SIGHTLINE_DATA_DIR: dataDir,
    SIGHTLINE_ADMIN_PORT: '0',
    ...(variant === 'observed + StatsD' && {
      SIGHTLINE_METRICS: 'prometheus,statsd',
      SIGHTLINE_STATSD_URL: 'udp://127.0.0.1:9',
    }),
  };
  const begin = performance.now();
  const child = spawn(command, args, {
    cwd: root,
    env,
    stdio: ['ignore', workload.ownLines > 0 ? 'ignore' : 'pipe', workload.ownLines > 0 ? 'pipe' : 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    (child.stdout ?? child.stderr)!.on('data', (chunk: Buffer) => {
      const port = /listening on (\d+)/.exec(chunk.toString())?.[1];
      if (port !== undefined) resolve({ child, port: Number(port), millis: performance.now() - begin });
    });
  });
}

interface Sample {
  readonly micros: number;
  readonly startMillis: number;
  readonly rssMiB: number;
}

async function round(driver: Driver, workload: Workload, variant: Variant): Promise<Sample> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sightline-bench-'));
  const { child, port, millis } = await start(workload, variant, driver.sink, dataDir);
  const pid = child.pid!;
  const perRequest = variant === 'bare' ? { spans: 0, lines: 0 } : { spans: 1, lines: 1 + workload.ownLines };
  const wait = (requests: number) =>
    driver.ask({ wait: { spans: perRequest.spans * requests, lines: perRequest.lines * requests } });
  try {
    await driver.ask({ reset: true });
    await driver.ask({ load: { port, requests: WARM_UP } });
    await wait(WARM_UP);
    const before = cpuMicros(pid);
    await driver.ask({ load: { port, requests: REQUESTS } });
    const end = await wait(WARM_UP + REQUESTS);
    if (end['all'] !== true) throw new Error(`not everything arrived: ${JSON.stringify(end)}`);
    return { micros: (cpuMicros(pid) - before) / REQUESTS, startMillis: millis, rssMiB: residentMiB(pid) };
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

/** Median of the paired differences with an interval of 95 % by bootstrap (2 000 resamplings, fixed seed). */
function difference(a: readonly number[], b: readonly number[]): string {
  const pairs = a.map((value, index) => value - (b[index] ?? Number.NaN));
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const medians = Array.from({ length: 2000 }, () =>
    median(pairs.map(() => pairs[Math.floor(random() * pairs.length)] ?? 0)),
  ).sort((x, y) => x - y);
  return `${signed(median(pairs))} [${signed(medians[50] ?? 0)}, ${signed(medians[1949] ?? 0)}]`;
}
function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(1)}`;
}

async function measure(): Promise<string> {
  const driver = new Driver();
  driver.sink = String((await driver.answer())['sink']);
  const rows: string[] = [];
  try {
    for (const workload of WORKLOADS) {
      const samples = Object.fromEntries(VARIANTS.map((variant) => [variant, [] as Sample[]])) as Record<
        Variant,
        Sample[]
      >;
      for (let index = 0; index < ROUNDS; index += 1) {
        process.stderr.write(`\r${workload.name}: round ${index + 1} of ${ROUNDS}   `);
        for (const variant of VARIANTS) samples[variant].push(await round(driver, workload, variant));
      }
      process.stderr.write('\n');
      const column = (variant: Variant, key: keyof Sample) => samples[variant].map((sample) => sample[key]);
      for (const variant of VARIANTS) {
        const cpu = column(variant, 'micros');
        const same = variant === 'bare';
        rows.push(
          `| ${workload.name} | ${variant} | ${median(cpu).toFixed(1)} | ${same ? '–' : difference(cpu, column('bare', 'micros'))} | ${(median(cpu) / median(column('bare', 'micros'))).toFixed(2)} | ${median(column(variant, 'startMillis')).toFixed(0)} | ${same ? '–' : difference(column(variant, 'startMillis'), column('bare', 'startMillis'))} | ${median(column(variant, 'rssMiB')).toFixed(0)} |`,
        );
      }
    }
  } finally {
    driver.close();
  }
  return rows.join('\n');
}

const table = `| workload | variant | CPU µs a request | added | × bare | listening after ms | added | RSS MiB after load |
|---|---|---|---|---|---|---|---|
${await measure()}`;
const setting = `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}; ${ROUNDS} interleaved rounds of ${REQUESTS} requests over 32 connections${canPin ? ', server on one core, load and sink on the other' : ''}.`;
process.stdout.write(`${setting}\n\n${table}\n`);
if (values.write) {
  writeFileSync(
    join(root, 'docs/benchmarks.md'),
    `<!-- generated by npm run bench -- --write; do not edit -->
# What observation costs

\`npm run bench -- --write\` wrote this page. ${setting}

Every figure is a median; what is added has an interval of 95 % from paired rounds. A round counts the CPU of the whole server
process, courier thread included, until every span and every line has arrived at the sink. Observed: all spans, one access line a
request, the app's own lines, duration histograms with exemplars, correlation ID, crash-safe journal, delivery over loopback
without compression.

${table}
`,
  );
}
