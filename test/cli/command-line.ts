import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  /** In a process group of its own, as a shell starts it. */
  readonly detached?: boolean;
  /** Called with everything written to stdout and stderr so far. */
  readonly onOutput?: (stdout: string, stderr: string, child: ChildProcess) => void;
}

/** Runs the command as a program of its own. */
export function sightline(
  parameters: readonly string[],
  options: RunOptions = {},
): Promise<Ended> & { child: ChildProcess } {
  const env = {
    ...process.env,
    NO_COLOR: undefined,
    NODE_OPTIONS: undefined,
    NODE_V8_COVERAGE: undefined,
    ...options.env,
  };
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    detached: options.detached ?? false,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  let stdout = '';
  let stderr = '';
  const promise = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      options.onOutput?.(stdout, stderr, child);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      options.onOutput?.(stdout, stderr, child);
    });
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return Object.assign(promise, { child });
}

/** Processes whose command line holds this text, by their IDs. Linux only; elsewhere none are found. */
export async function processesWith(text: string): Promise<number[]> {
  const { readdir, readFile } = await import('node:fs/promises');
  const pids = await readdir('/proc').catch((): string[] => []);
  const found: number[] = [];
  for (const pid of pids.filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (line.includes(text) || environment.includes(text)) found.push(Number(pid));
  }
  return found;
}
