import { type Child, startChild } from '../support/child.ts';
import { freePort } from '../support/ports.ts';
import { createProject, fixture } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { type Destination, type DestinationKind, openDestination, type RealServers, TRACE_ID } from './destinations.ts';
import { openDisk } from './disk.ts';
import { type Ending, type Fault, setProxies, type Target } from './faults.ts';
import type { ProxyMode } from './faulty-proxy.ts';

/** A program that has not ended by then is held by something. */
const PROGRAM_MILLIS = 240_000;

/** `bare`: the program without the one line, as the control of what it costs. */
export type Delivery = 'journal' | 'direct' | 'bare';

/** What one signal came to, as the backend has it. */
export interface SignalResult {
  readonly lost: number;
  readonly repeated: number;
}

/** What the program itself says became of its records: `signal outcome reason` to records. */
export type Ledger = Readonly<Record<string, number>>;

export interface CellResult {
  readonly accepted: number;
  readonly logs: SignalResult;
  readonly spans: SignalResult;
  /** The program was there until it was told to end. */
  readonly alive: boolean;
  /** The first records: what starts with them, milliseconds. */
  readonly firstTurnMillis: number;
  /** 99.9th percentile of the other turns, each with 5 ms' worth of records, milliseconds. */
  readonly turnP999Millis: number;
  /** Peak memory of the process, bytes. */
  readonly peakBytes: number;
  /** From the last word of the program to its end, milliseconds. */
  readonly exitMillis: number;
  /** Read before the end; empty without a journal. */
  readonly ledger: Ledger;
  /** Exit code, or the signal that ended it. */
  readonly ended: string;
  /** Lines on standard error. */
  readonly stderr: string;
}

export interface CellOptions {
  readonly delivery: Delivery;
  readonly kind: DestinationKind;
  readonly real?: RealServers | undefined;
  /** Records of each signal in each third of the run: before, during and after the fault. */
  readonly third: number;
  /** Records a second; default 2000. */
  readonly rate?: number;
  /** How long the fault stays after the records of its third are written, milliseconds. */
  readonly holdMillis: number;
  /** How long the backends may take to have everything, milliseconds. */
  readonly settleMillis: number;
}

interface Emitted {
  readonly firstTurn: number;
  readonly turnP999: number;
  readonly rss: number;
}

/** The program; in direct mode and journal mode it is the same one, with the one line before it. */
function startLoad(
  options: {
    readonly delivery: Delivery;
    readonly destination: Destination;
    readonly dataDirectory: string;
    readonly adminPort?: number;
  },
  extra: Readonly<Record<string, string>> = {},
): Child {
  const project = createProject({
    name: 'faults',
    type: 'module',
    files: { 'program.mjs': fixture('faults/program.mjs') },
    packages: [
      'pino',
      '@opentelemetry/api',
      ...(options.delivery === 'direct'
        ? ['@opentelemetry/sdk-node', '@opentelemetry/exporter-zipkin', 'pino-elasticsearch', 'hot-shots']
        : []),
    ],
  });
  return startChild({
    cwd: project,
    args: [...(options.delivery === 'bare' ? [] : ['--import', 'sightline/register']), 'program.mjs'],
    keepInput: true,
    env: {
      NODE_ENV: 'test',
      SIGHTLINE_ADMIN_PORT: String(options.adminPort ?? 'off'),
      SIGHTLINE_DATA_DIR: options.dataDirectory,
      SIGHTLINE_METRICS: 'prometheus',
      SIGHTLINE_DELIVERY: options.delivery === 'direct' ? 'direct' : 'journal',
      TRACE_ID,
      ...options.destination.environment,
      ...extra,
    },
    timeoutMillis: PROGRAM_MILLIS,
  });
}

async function emit(child: Child, count: number, round: number): Promise<Emitted> {
  child.write(`emit ${count}\n`);
  const match = await child.line(new RegExp(`(?:emitted[^\\n]*\\n(?:.*\\n)*?){${round - 1}}emitted (\\{.*\\})\\n`));
  return JSON.parse(match[1] ?? '{}') as Emitted;
}

/** Both signals as far as the backends have them. */
async function measure(
  destination: Destination,
  expected: number,
): Promise<{ logs: SignalResult; spans: SignalResult }> {
  const count = (all: readonly number[]): SignalResult => {
    const numbers = all.filter((number) => number < expected);
    const different = new Set(numbers).size;
    return { lost: expected - different, repeated: numbers.length - different };
  };
  return { logs: count(await destination.logNumbers()), spans: count(await destination.spanNumbers()) };
}

/** Waits until nothing is lost any more; what is still missing at the end of the time is. */
async function settle(
  destination: Destination,
  expected: number,
  timeoutMillis: number,
): Promise<{ logs: SignalResult; spans: SignalResult }> {
  await eventually(
    'everything to arrive',
    async () => {
      const { logs, spans } = await measure(destination, expected);
      return logs.lost + spans.lost === 0 ? true : undefined;
    },
    { timeoutMillis, pauseMillis: 100 },
  ).catch(() => undefined);
  return await measure(destination, expected);
}

/** A fault before or in the middle of a run, healed after it. */
export async function runFault(fault: Fault, options: CellOptions): Promise<CellResult> {
  const destination = await openDestination(options.kind, options.real);
  const target: Target = { destination, real: options.real };
  const data = openDisk(fault.disk);
  const adminPort = await freePort();
  try {
    if (fault.fromStart === true) await fault.begin(target);
    const child = startLoad(
      { delivery: options.delivery, destination, dataDirectory: data.path, adminPort },
      { RATE: String(options.rate ?? 2000), ...fault.environment },
    );
    const last = await runThirds(child, fault, target, options);
    const { logs, spans } = await settle(destination, 3 * options.third, options.settleMillis);
    const alive = !child.closed();
    const ledger = alive && options.delivery === 'journal' ? await readLedger(adminPort) : {};
    const before = performance.now();
    if (alive) child.write('end normally\n');
    const ended = await child.ended;
    return {
      accepted: 3 * options.third,
      logs,
      spans,
      alive,
      firstTurnMillis: last?.firstTurn ?? Number.NaN,
      turnP999Millis: last?.turnP999 ?? Number.NaN,
      peakBytes: last?.rss ?? Number.NaN,
      exitMillis: performance.now() - before,
      ledger,
      ended: String(ended.code ?? ended.signal),
      stderr: ended.stderr,
    };
  } finally {
    await destination.close();
    data.close();
  }
}

async function readLedger(adminPort: number): Promise<Ledger> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const ledger: Record<string, number> = {};
  for (const [, labels = '', value] of page.matchAll(/^sightline_telemetry_records_total\{(.*)\} (\S+)$/gm)) {
    const of = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const key = [of('signal'), of('outcome'), of('reason')].filter((part) => part !== '').join(' ');
    ledger[key] = (ledger[key] ?? 0) + Number(value);
  }
  return ledger;
}

/** Before, during and after the fault; undefined when the program died of it. */
async function runThirds(
  child: Child,
  fault: Fault,
  target: Target,
  options: CellOptions,
): Promise<Emitted | undefined> {
  try {
    await child.line(/ready/);
    await emit(child, options.third, 1);
    if (fault.fromStart !== true) {
      // The fault strikes couriers at work.
      if (options.delivery === 'journal') await settle(target.destination, options.third, options.settleMillis);
      await fault.begin(target);
    }
    await emit(child, options.third, 2);
    // The stock pipeline may have given up before it could meet the fault.
    if (options.delivery === 'journal')
      await eventually('the fault to be met', () => (fault.met(target) ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, options.holdMillis));
    if (fault.lasting !== true) await fault.end(target);
    return await emit(child, options.third, 3);
  } catch (error) {
    if (!child.closed()) throw error;
    return undefined;
  }
}

/** A burst, and the end of the program in the same turn, while the backends are well, down or hanging; then the next process. */
export async function runEnding(
  ending: Ending,
  mode: ProxyMode,
  options: Omit<CellOptions, 'holdMillis'>,
): Promise<CellResult> {
  const destination = await openDestination(options.kind, options.real);
  const dataDirectory = temporaryDirectory('faults');
  const { delivery, third: count } = options;
  try {
    await setProxies({ destination, real: options.real }, mode);
    const child = startLoad({ delivery, destination, dataDirectory });
    await child.line(/ready/);
    child.write(`burst ${count},${ending}\n`);
    await child.line(/ending/);
    const before = performance.now();
    const ended = await child.ended;
    const exitMillis = performance.now() - before;
    await setProxies({ destination, real: options.real }, { kind: 'pass' });
    if (delivery === 'journal') {
      // The same service again: it finds what the first one left behind.
      const next = startLoad({ delivery, destination, dataDirectory }, { FIRST: '1000000' });
      await next.line(/ready/);
      await emit(next, 1, 1);
      await settle(destination, count, options.settleMillis);
      next.write('end normally\n');
      await next.ended;
    }
    const { logs, spans } = await measure(destination, count);
    return {
      accepted: count,
      logs,
      spans,
      alive: true,
      firstTurnMillis: Number.NaN,
      turnP999Millis: Number.NaN,
      peakBytes: Number.NaN,
      ledger: {},
      exitMillis,
      ended: String(ended.code ?? ended.signal),
      stderr: ended.stderr,
    };
  } finally {
    await destination.close();
  }
}
