import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from '../support/wait.ts';

/** Longest that a backend may take until it answers; Elasticsearch on a busy machine is the slowest. */
const READY_MILLIS = 180_000;
/** Output kept for the message of a failed start. */
const KEPT_OUTPUT = 8_000;

/**
 * Kills the whole process group as soon as standard input ends: the pipe closes however the test process dies,
 * SIGKILL included, so no backend is ever left behind.
 */
const WATCHDOG = '"$@" </dev/null & read -r _; kill -KILL 0';

export interface ServerOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Runs as this user and group; needs root. */
  readonly uid?: number;
  readonly cwd?: string;
  /** Answers 2xx once the server is ready. */
  readonly readyUrl?: string;
  /** Instead of an address, for servers that speak no HTTP. */
  readonly ready?: () => Promise<boolean>;
}

export interface Server {
  /** Ends the server at once, by SIGKILL; its data is in a temporary directory. Safe to call twice. */
  stop(): Promise<void>;
  /** Starts a server that was stopped again, on the same data, and waits until it answers. */
  restart(): Promise<void>;
  /** Stops its processes (SIGSTOP) without ending them: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** The last lines it printed. */
  output(): string;
}

async function isReady({ readyUrl, ready }: ServerOptions): Promise<boolean> {
  if (readyUrl === undefined) return (await ready?.()) ?? true;
  const response = await fetch(readyUrl, { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Starts a server program and waits until it is ready. */
export async function startServer(options: ServerOptions): Promise<Server> {
  let output = '';
  let running = spawnServer(options, (text) => {
    output = (output + text).slice(-KEPT_OUTPUT);
  });
  const server: Server = {
    stop: () => running.stop(),
    async restart() {
      await running.stop();
      running = spawnServer(options, (text) => {
        output = (output + text).slice(-KEPT_OUTPUT);
      });
      await ready();
    },
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    output: () => output,
  };
  async function ready(): Promise<void> {
    try {
      const state = await eventually(
        `${options.name} to answer`,
        async () => {
          if (running.ended()) return 'ended';
          return (await isReady(options)) ? 'ready' : undefined;
        },
        { timeoutMillis: READY_MILLIS, pauseMillis: 100 },
      );
      if (state === 'ended') throw new Error(`${options.name} ended before it was ready`);
    } catch (error) {
      await running.stop();
      throw new Error(`${options.name} did not start:\n${output}`, { cause: error });
    }
  }
  await ready();
  return server;
}

interface Running {
  stop(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  ended(): boolean;
}

function spawnServer(options: ServerOptions, keep: (text: string) => void): Running {
  const child: ChildProcess = spawn('bash', ['-c', WATCHDOG, options.name, options.command, ...options.args], {
    detached: true,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  let ended = false;
  child.stdout
    ?.on('data', (chunk: Buffer) => keep(chunk.toString()))
    .on('end', () => {
      ended = true;
    });
  child.stderr?.on('data', (chunk: Buffer) => keep(chunk.toString()));
  child.stdin?.on('error', () => {});
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    async stop() {
      // A paused watchdog would not see the end of its input.
      this.signal('SIGCONT');
      child.stdin?.end();
      await gone;
    },
    signal(name) {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group has ended.
      }
    },
    ended: () => ended,
  };
}
