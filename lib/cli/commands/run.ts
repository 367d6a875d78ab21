import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { withRegister } from '../../core/register-url.ts';
import { SightlineError } from '../../errors.ts';
import type { Command, Invocation } from '../command.ts';
import { joinStack, type LocalStack, startOwnStack } from '../local-stack.ts';
import { stackUrl } from '../stack-client.ts';
import { usageError } from '../usage.ts';

/** Passed on to the program, which decides. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'] as const;

export const runCommand: Command = {
  name: 'run',
  summary: 'run a program with the one line, and the local stack if none answers',
  usage: '-- CMD…',
  options: {},
  positionals: [0, 0],
  takesRest: true,
  notes: [
    'CMD gets NODE_OPTIONS=--import=sightline/register. Its output, signals and exit code are its own; the URL goes to stderr.',
    'Example: sightline run -- node server.js',
  ],
  async run(invocation) {
    if (invocation.rest.length === 0) throw usageError(runCommand, 'got no program, wanted sightline run -- CMD…');
    const stack = await stackFor(invocation);
    invocation.out.note(`Sightline: ${stack.url}`);
    try {
      const { exitCode, signal } = await runProgramUnder(invocation, stack);
      return exitCode ?? 128 + (constants.signals[signal!] ?? 0);
    } finally {
      await stack.close();
    }
  },
};

async function stackFor({ env, out }: Invocation): Promise<LocalStack> {
  const url = stackUrl(env);
  const running = await joinStack(url);
  if (running !== undefined) return running;
  const { hostname, port, protocol, pathname } = new URL(url);
  const local = hostname === '127.0.0.1' || hostname === 'localhost' || hostname === '[::1]';
  if (!local || protocol !== 'http:' || pathname !== '/') {
    throw new SightlineError(
      'SIGHTLINE_E_STACK_UNREACHABLE',
      `got no answer from ${url}, wanted a local stack there; it is not this machine's to start: start it there, or unset SIGHTLINE_STACK_URL`,
    );
  }
  return startOwnStack({
    temporary: false,
    port: port === '' ? 80 : Number(port),
    host: hostname.replace(/^\[|\]$/g, ''),
    env,
    onWarning: (text) => out.note(text),
  });
}

async function runProgramUnder(
  { rest, env }: Invocation,
  stack: LocalStack,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
  const [program, ...parameters] = rest as [string, ...string[]];
  // Before there is a program: a signal that comes while it is being started is meant for it too, and waits for the next turn.
  let child: ChildProcess | undefined;
  const release = passSignals((signal) => child?.kill(signal));
  child = spawn(program, parameters, {
    stdio: 'inherit',
    env: {
      ...env,
      NODE_OPTIONS: withRegister(env['NODE_OPTIONS']),
      SIGHTLINE_STACK_URL: stack.url,
      SIGHTLINE_DATA_DIR: env['SIGHTLINE_DATA_DIR'] ?? stack.dataDirectory,
    },
  });
  const { promise, resolve, reject } = Promise.withResolvers<{
    exitCode: number | null;
    signal: NodeJS.Signals | null;
  }>();
  child.once('error', (error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'which was not found' : error.message;
    reject(
      new SightlineError(
        'SIGHTLINE_E_COMMAND',
        `got program ${JSON.stringify(program)}, ${why}; wanted one that can be started; check its name and PATH`,
      ),
    );
  });
  child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  try {
    return await promise;
  } finally {
    release();
  }
}

/** A terminal sends Ctrl-C to the whole group: the program has it already, and a second one would mean "at once". */
function passSignals(pass: (signal: NodeJS.Signals) => void): () => void {
  const fromTerminal = process.stdin.isTTY === true;
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      if (fromTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT' || signal === 'SIGWINCH')) return;
      pass(signal);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}
