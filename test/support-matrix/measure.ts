import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Child, Ended } from '../support/child.ts';
import type { NodeRuntime } from '../support/nodes.ts';
import type { Receiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { ASKERS } from './asking.ts';
import { type Cells, judge, type Left, NO, YES } from './cells.ts';
import type { NextHop } from './next-hop.ts';
import { projectOf, startProgram } from './program.ts';
import type { Row } from './rows.ts';

/** Between two looks at what has arrived, milliseconds. */
const LOOK_MILLIS = 50;

export interface MeasureOptions {
  readonly receiver: Receiver;
  readonly next: NextHop;
  /** Whether what has arrived so far is what is expected. */
  readonly isEnough: (cells: Cells) => boolean;
  /** How long to wait for that, milliseconds. */
  readonly patienceMillis: number;
  /** Runs the program without the one line, too, and compares the whole output and end. */
  readonly compare: boolean;
  /** Told what an end with and one without the one line were, when they differ. */
  readonly onDifference?: (observed: string, bare: string) => void;
}

interface Asked {
  readonly id: string;
  readonly traceId: string;
  readonly parentId: string;
  readonly answer: Left['answer'];
}

const hex = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16))
    .join('')
    .replace(/^0/, '1');

async function ask(row: Row, port: number, path: string): Promise<Asked> {
  const [id, traceId, parentId] = [`matrix-${hex(12)}`, hex(32), hex(16)];
  const headers = { traceparent: `00-${traceId}-${parentId}-01`, 'x-correlation-id': id };
  return { id, traceId, parentId, answer: await ASKERS[row.protocol]({ port, path, headers }) };
}

function gather(asked: Asked, { receiver, next }: MeasureOptions): Left {
  return {
    ...asked,
    spans: receiver.spans.filter((span) => span.tags?.['correlation.id'] === asked.id),
    lines: receiver.documents.filter((line) => line['correlation.id'] === asked.id),
    next: next.headersOf(asked.id),
  };
}

/** Without what differs between any two runs: ports, times, and stacks, which name our frames where they are. */
function masked(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/^ +at .*\n/gm, '')
    .replace(/(?:\\n +at [^\\"]*)+/g, '')
    .replace(/\d+/g, '0');
}

/** The app's own end, and not a word of ours. */
function endedWell({ code, signal, stdout, stderr }: Ended): boolean {
  return code === 0 && signal === null && stdout.endsWith('stopped\n') && !/^sightline:/m.test(stderr);
}

/** What has to be the same with and without the one line. */
function view({ code, signal, stdout, stderr }: Ended): string {
  return JSON.stringify([code, signal, masked(stdout), masked(stderr)]);
}

async function run<Result>(
  row: Row,
  node: NodeRuntime,
  options: { next: NextHop; observed: boolean; env: NodeJS.ProcessEnv },
  body: (port: number, child: Child) => Promise<Result>,
): Promise<{ result: Result; ended: Ended }> {
  const { next, observed, env } = options;
  const child = startProgram(row, node, {
    directory: projectOf(row),
    observed,
    env: { ...env, NEXT: next[row.next], BROKEN: next.broken[row.next] },
  });
  try {
    const [, port] = await child.line(/listening (\d+)/);
    const result = await body(Number(port), child);
    return { result, ended: await child.stop() };
  } finally {
    child.kill('SIGKILL');
  }
}

async function askBoth(row: Row, port: number): Promise<[Asked, Asked]> {
  const order = await ask(row, port, '/orders/7');
  return [order, await ask(row, port, '/broken')];
}

/** Runs the program of a row on one Node under the one line, and judges what two requests and its end have left. */
export async function measure(row: Row, node: NodeRuntime, options: MeasureOptions): Promise<Cells> {
  const env = { ...options.receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
  const judged = (asked: readonly [Asked, Asked], stop: string): Cells =>
    judge(row, gather(asked[0], options), gather(asked[1], options), stop);

  const observed = await run(row, node, { next: options.next, observed: true, env }, async (port) => {
    const asked = await askBoth(row, port);
    const end = performance.now() + options.patienceMillis;
    while (!options.isEnough(judged(asked, YES)) && performance.now() < end) await sleep(LOOK_MILLIS);
    return asked;
  });
  if (!options.compare) return judged(observed.result, endedWell(observed.ended) ? YES : NO);
  const bare = await run(row, node, { next: options.next, observed: false, env: {} }, async (port, child) => {
    await askBoth(row, port);
    // The app's lines leave on their own, and a stop would overtake them.
    const said = masked(observed.ended.stdout).replace(/stopped\n$/, '');
    const end = performance.now() + options.patienceMillis;
    while (masked(child.stdout()) !== said && performance.now() < end) await sleep(LOOK_MILLIS);
  });
  const [withUs, without] = [view(observed.ended), view(bare.ended)];
  if (withUs !== without) options.onDifference?.(withUs, without);
  return judged(observed.result, endedWell(observed.ended) && withUs === without ? YES : NO);
}
