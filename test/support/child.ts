import { type ChildProcess, spawn } from 'node:child_process';
import { NODE_OWN, type NodeRuntime } from './nodes.ts';

/** Output kept of a child, characters a stream: a child that floods its output must not fill the memory of the test. */
const KEPT_OUTPUT = 4_000_000;
/** A child that is still alive after this is killed and the test fails, milliseconds. */
const DEADLINE_MILLIS = 60_000;

const alive = new Set<ChildProcess>();

function killAll(): void {
  for (const child of alive) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  try {
    // The whole group: whatever the program started dies with it.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

process.on('exit', killAll);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll();
    process.kill(process.pid, signal);
  });
}

export interface ChildOptions {
  /** Default: the Node that runs the test. */
  readonly node?: NodeRuntime;
  /** Everything after `node`. */
  readonly args: readonly string[];
  /** Added to a small environment without anything that changes Node or Sightline; `undefined` removes. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** true: standard input stays open for `write`. */
  readonly keepInput?: boolean;
  readonly timeoutMillis?: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once all output has arrived and the program has ended. */
  readonly ended: Promise<Ended>;
  /** First match of a pattern in standard output; rejects when the program ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes to standard input, where it was kept open. */
  write(text: string): void;
  /** true once the program has ended. */
  closed(): boolean;
  /** Sends a signal to the program alone. */
  kill(signal?: NodeJS.Signals): void;
  /** Sends a signal (default SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
}

/** The environment of a child: what programs need to run, nothing that speaks to Node or to Sightline. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(NODE_|npm_|OTEL_|SIGHTLINE_|XDG_STATE)/i.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

/** Starts a Node program. It is killed with all its children when the test process ends, and after `timeoutMillis`. */
export function startChild(options: ChildOptions): Child {
  const runtime = options.node ?? NODE_OWN;
  return startProgram(runtime.path, options.args, options);
}

/** Starts any program; see `startChild`. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: Omit<ChildOptions, 'args' | 'node'>,
): Child {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: cleanEnvironment(options.env),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  alive.add(child);
  let stdout = '';
  let stderr = '';
  let closed: Ended | undefined;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < KEPT_OUTPUT) stdout += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < KEPT_OUTPUT) stderr += text;
  });
  child.stdin.on('error', () => {});
  if (options.keepInput === true) child.stdin.write(options.input ?? '');
  else child.stdin.end(options.input ?? '');

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, options.timeoutMillis ?? DEADLINE_MILLIS);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', (error) => {
      clearTimeout(timer);
      alive.delete(child);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      alive.delete(child);
      closed = { code, signal, stdout, stderr };
      wake();
      if (timedOut) reject(new Error(`${command} ${args.join(' ')} did not end in time\n${stdout}\n${stderr}`));
      else resolve(closed);
    });
  });
  // Whoever is not interested in the end is not told of its failure either.
  ended.catch(() => {});

  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    line(pattern) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(stdout);
          if (match === null && closed === undefined) return;
          waiting.delete(check);
          if (match !== null) resolve(match);
          else
            reject(
              new Error(
                `the program ended (${closed?.code ?? closed?.signal}) without ${pattern}\n${stdout}\n${stderr}`,
              ),
            );
        };
        waiting.add(check);
        check();
      });
    },
    write(text) {
      child.stdin.write(text);
    },
    closed: () => closed !== undefined,
    kill(signal = 'SIGTERM') {
      child.kill(signal);
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return await ended;
    },
  };
}

/** Runs a Node program to its end. */
export function runChild(options: ChildOptions): Promise<Ended> {
  return startChild(options).ended;
}
