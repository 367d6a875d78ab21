/**
 * The program behind `sightline doctor`: it reads the configuration as a service does, asks each backend, and runs a
 * probe with the one line. Not observed itself. What it finds goes to the command that started it, as messages.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../bootstrap/settings.ts';
import { registerUrl } from '../core/register-url.ts';
import type { Diagnosis, DoctorMessage } from '../model/diagnosis.ts';
import { ask } from './ask.ts';
import { checkBackend } from './check-backend.ts';
import { readConfiguration } from './configuration.ts';
import type { Destination } from './destinations.ts';
import type { ProbeReport } from './probe.ts';
import { probeBestEffort, probeInside, probeSignal } from './probe-hops.ts';

/** The probe is killed after this long, milliseconds: its own deadlines are shorter. */
const PROBE_MILLIS = 40_000;
/** Output of a probe that failed which is repeated, characters. */
const MAX_OUTPUT = 500;
/** Tells the pages that the probe pushes from those of the service. */
const INSTANCE = 'sightline-doctor';

function say(message: DoctorMessage): void {
  process.send?.(message);
}

function tell(diagnoses: readonly Diagnosis[]): void {
  for (const diagnosis of diagnoses) say({ kind: 'found', diagnosis });
}

/**
 * The environment of the probe: that of the service, but for what would hide the probe (levels, sampling, ignored paths),
 * what belongs to the service alone (its port, its journal), and an instance of its own.
 */
function probeEnvironment({ resource }: Settings, dataDirectory: string): NodeJS.ProcessEnv {
  const attributes = [process.env['OTEL_RESOURCE_ATTRIBUTES'], `service.instance.id=${INSTANCE}`];
  return {
    ...process.env,
    OTEL_SERVICE_NAME: resource.serviceName,
    OTEL_RESOURCE_ATTRIBUTES: attributes.filter((part) => part !== undefined && part !== '').join(','),
    SIGHTLINE_DATA_DIR: dataDirectory,
    SIGHTLINE_ADMIN_PORT: '0',
    SIGHTLINE_ADMIN_HOST: '127.0.0.1',
    OTEL_TRACES_SAMPLER: 'always_on',
    SIGHTLINE_LOG_LEVEL: 'info',
    SIGHTLINE_ACCESS_LOG: 'on',
    SIGHTLINE_IGNORE_PATHS: '/no-path-of-the-probe',
    OTEL_LOG_LEVEL: 'error',
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: '',
    OTEL_NODE_DISABLED_INSTRUMENTATIONS: '',
    NODE_OPTIONS: '',
  };
}

/** @returns the report; or what the program said instead */
function runProbe(settings: Settings, dataDirectory: string, correlationId: string): Promise<ProbeReport | string> {
  const file = new URL(import.meta.url.endsWith('.ts') ? './probe.ts' : './probe.js', import.meta.url);
  // The one line and the probe must share their modules: run from source, both come from there.
  const register = file.href.endsWith('.ts') ? new URL('../register.ts', import.meta.url).href : registerUrl();
  const child = fork(fileURLToPath(file), [correlationId], {
    execArgv: ['--import', register],
    env: probeEnvironment(settings, dataDirectory),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(0, MAX_OUTPUT);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_MILLIS);
  return new Promise((resolve) => {
    child.once('message', (report) => resolve(report as ProbeReport));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(`it ended with ${code ?? signal}: ${output.trim()}`);
    });
  });
}

/** A gateway keeps every group for ever: the probe's goes again. */
async function removePushed({ pushUrl }: Settings): Promise<void> {
  if (pushUrl !== undefined) await ask({ url: new URL(pushUrl), method: 'DELETE' }).catch(() => {});
}

function journalsBelow(dataDirectory: string): string[] {
  try {
    return readdirSync(join(dataDirectory, 'journal')).map((name) => join(dataDirectory, 'journal', name));
  } catch {
    return [];
  }
}

async function probe(settings: Settings, destinations: readonly Destination[]): Promise<void> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'sightline-doctor-'));
  try {
    say({ kind: 'doing', text: 'sending a probe of each signal, and looking for it in the backends' });
    const report = await runProbe(settings, dataDirectory, `doctor-${randomBytes(6).toString('hex')}`);
    if (typeof report === 'string') {
      const text = `the probe did not report; ${report}`;
      tell([{ part: 'probe', status: 'failed', subject: 'process', text, code: 'SIGHTLINE_E_INTERNAL' }]);
      return;
    }
    tell(probeInside(report, settings.prometheus));
    const directories = journalsBelow(dataDirectory);
    const followed = destinations.filter(({ signal }) => signal === 'logs' || signal === 'spans');
    const hops = await Promise.all(followed.map((destination) => probeSignal(report, destination, directories)));
    tell(hops.flat());
    tell(probeBestEffort(report, destinations));
    await removePushed({ ...settings, pushUrl: pushedTo(settings) });
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Where the probe pushed: the group of its own instance. */
function pushedTo({ pushUrl }: Settings): string | undefined {
  return pushUrl?.replace(/\/instance(?:@base64)?\/[^/]*$/, `/instance/${INSTANCE}`);
}

async function diagnose(): Promise<void> {
  const { diagnoses, settings, destinations } = readConfiguration(process.env, process.cwd());
  tell(diagnoses);
  if (settings !== undefined) {
    if (destinations.length > 0) say({ kind: 'doing', text: 'asking the backends' });
    tell((await Promise.all(destinations.map(checkBackend))).flat());
    await probe(settings, destinations);
  }
  process.send?.({ kind: 'end' } satisfies DoctorMessage, () => process.disconnect());
}

void diagnose();
