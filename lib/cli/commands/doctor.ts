import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { SightlineError } from '../../errors.ts';
import type { Diagnosis, DoctorMessage } from '../../model/diagnosis.ts';
import type { Command, Invocation, Output } from '../command.ts';
import { checkDataDirectory } from '../doctor/data-directory.ts';
import { checkJournals, checkProcesses } from '../doctor/processes.ts';
import { paint, printable } from '../output.ts';
import { usageError } from '../usage.ts';

/** After this long without a line, one says what takes the time, milliseconds. */
const QUIET_MILLIS = 2000;
/** The diagnosis as a whole is given up after this long, milliseconds; each of its parts has a shorter deadline. */
const DIAGNOSIS_MILLIS = 120_000;

/** `sightline doctor`: follows a probe of each signal from the process to its backend, with the configuration of a service. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'check configuration, data directory and backends, and follow a probe of each signal to where it is stored',
  usage: '',
  options: {
    'env-file': {
      type: 'string',
      placeholder: 'FILE',
      meaning: 'the environment of the service; variables that are set win',
    },
  },
  positionals: [0, 0],
  notes: [
    'Run it with the environment of the service, as its user, where its package.json is. It sends one request of a probe',
    'under an ID that begins with doctor-, by the product itself; nothing of the service is touched.',
    'Exit code 0: nothing failed; 1: something did.',
  ],
  async run(invocation) {
    const { json, out } = invocation;
    const env = { ...envFile(invocation), ...invocation.env };
    const all: Diagnosis[] = [];
    const progress = startProgress(out);
    const tell = (diagnoses: readonly Diagnosis[]): void => {
      for (const diagnosis of diagnoses) {
        all.push(diagnosis);
        if (!json) for (const line of linesOf(diagnosis, out)) out.line(line);
      }
      progress.spoken();
    };
    try {
      tell([nodeOf(), ...checkDataDirectory(env)]);
      await runDoctor(env, (message) => {
        if (message.kind === 'found') tell([message.diagnosis]);
        else if (message.kind === 'doing') progress.doing(message.text);
      });
      progress.doing('asking running processes');
      tell([...(await checkProcesses(env)), ...checkJournals(env)]);
    } finally {
      progress.stop();
    }
    const count = (status: Diagnosis['status']): number =>
      all.filter((diagnosis) => diagnosis.status === status).length;
    const [failed, warnings] = [count('failed'), count('warn')];
    if (json) out.line(JSON.stringify({ ok: failed === 0, failed, warnings, diagnoses: all }));
    else out.line(failed + warnings === 0 ? 'all is well' : `${failed} failed, ${warnings} warnings`);
    return failed === 0 ? 0 : 1;
  },
};

function envFile({ values }: Invocation): NodeJS.Dict<string> {
  const path = values['env-file'] as string | undefined;
  if (path === undefined) return {};
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    throw usageError(doctorCommand, `got --env-file ${path}, which cannot be read (${(error as Error).message})`);
  }
}

function nodeOf(): Diagnosis {
  const text = `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
  return { part: 'configuration', status: 'ok', subject: 'runtime', text };
}

const MARKS = {
  ok: ['dim', 'ok  '],
  info: ['dim', '    '],
  warn: ['yellow', 'warn'],
  failed: ['red', 'FAIL'],
} as const;

function linesOf({ status, part, subject, text, fix, code }: Diagnosis, out: Output): string[] {
  const [colour, mark] = MARKS[status];
  const named = code === undefined || text.includes(code) ? text : `${code}: ${text}`;
  const line = `${paint(out, colour, mark)}  ${paint(out, 'dim', `${part} ${printable(subject)}:`)} ${printable(named)}`;
  return fix === undefined ? [line] : [line, `      → ${printable(fix)}`];
}

/** Says what takes time when nothing has been said for a while. */
function startProgress(out: Output) {
  let what = 'reading the configuration';
  let timer = setTimeout(say, QUIET_MILLIS);
  function say(): void {
    out.note(`… ${what}`);
  }
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(say, QUIET_MILLIS);
  };
  return {
    doing(text: string): void {
      what = text;
      again();
    },
    spoken: again,
    stop: () => clearTimeout(timer),
  };
}

/** Runs the program that looks at the service's side. */
function runDoctor(env: NodeJS.ProcessEnv, hear: (message: DoctorMessage) => void): Promise<void> {
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../../doctor/main.ts' : '../../doctor/main.js',
    import.meta.url,
  );
  const { NODE_OPTIONS: _unused, ...rest } = env;
  const child = fork(fileURLToPath(file), [], {
    execArgv: [],
    env: { ...rest, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: DIAGNOSIS_MILLIS,
  });
  let output = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    let ended = false;
    child.on('message', (message) => {
      ended ||= (message as DoctorMessage).kind === 'end';
      hear(message as DoctorMessage);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (ended) resolve();
      else
        reject(
          new SightlineError(
            'SIGHTLINE_E_COMMAND',
            `got no diagnosis (${code ?? signal}), wanted one; report this: ${output.trim().slice(0, 1000)}`,
          ),
        );
    });
  });
}
