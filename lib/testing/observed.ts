import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withRegister } from '../core/register-url.ts';
import type { Receiver } from './receiver.ts';

/** A program that is still alive after this is killed, milliseconds. */
const DEADLINE_MILLIS = 60_000;
/** Output kept of a program, characters a stream. */
const KEPT_OUTPUT = 4_000_000;
/** Variables of the test runner that would change the program. */
const RUNNER = /^(NODE_|npm_|OTEL_|SIGHTLINE_|VITEST|JEST_)/i;

export interface ObservedOptions {
  /** Takes its telemetry. */
  readonly receiver: Receiver;
  /** Everything after `node`: the program and its arguments. */
  readonly args: readonly string[];
  /** Variables beside those of the receiver; `undefined` removes one. `SIGHTLINE_*` of the test process are not passed on. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The Node to run it with; default: the one of the test. */
  readonly node?: string;
  /** Killed after this long, milliseconds; default 60 000. */
  readonly timeoutMillis?: number;
}

export interface ObservedEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs with the one line. */
export interface Observed {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when it has ended and all output has come. */
  readonly ended: Promise<ObservedEnd>;
  /** First match of a pattern in standard output; rejects when the program ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal, SIGTERM by default, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<ObservedEnd>;
  [Symbol.asyncDispose](): Promise<void>;
}

const alive = new Set<ChildProcess>();
const killAll = (): void => {
  for (const child of alive) child.kill('SIGKILL');
};

/**
 * Starts a Node program with `--import sightline/register` and with everything sent to the receiver. Its journal is in a
 * temporary directory, its admin port is any free one, and it dies with the test.
 */
export function startObserved(options: ObservedOptions): Observed {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'sightline-testing-'));
  const passed = Object.entries(process.env).filter(([name]) => !RUNNER.test(name));
  const child = spawn(options.node ?? process.execPath, options.args, {
    env: {
      ...Object.fromEntries(passed),
      ...options.receiver.environment,
      SIGHTLINE_DATA_DIR: dataDirectory,
      ...options.env,
      NODE_OPTIONS: withRegister(options.env?.['NODE_OPTIONS']),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  if (alive.size === 0) process.on('exit', killAll);
  alive.add(child);
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  let end: ObservedEnd | undefined;
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      if (output[stream].length < KEPT_OUTPUT) output[stream] += text;
      for (const look of [...waiting]) look();
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMillis ?? DEADLINE_MILLIS);
  const gone = (): void => {
    clearTimeout(timer);
    alive.delete(child);
    if (alive.size === 0) process.off('exit', killAll);
    rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  };
  const ended = new Promise<ObservedEnd>((resolve, reject) => {
    child.once('error', (error) => {
      gone();
      reject(error);
    });
    child.once('close', (code, signal) => {
      gone();
      end = { code, signal, ...output };
      for (const look of [...waiting]) look();
      resolve(end);
    });
  });
  // Whoever is not interested in the end is not told of its failure either.
  ended.catch(() => {});
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<ObservedEnd> => {
    child.kill(signal);
    return ended;
  };
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output.stdout);
          if (match === null && end === undefined) return;
          waiting.delete(look);
          if (match !== null) resolve(match);
          else
            reject(new Error(`the program ended (${end?.code ?? end?.signal}) without ${pattern}\n${output.stderr}`));
        };
        waiting.add(look);
        look();
      }),
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL').catch(() => {});
    },
  };
}
