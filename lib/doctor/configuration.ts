import { existsSync } from 'node:fs';
import { type GivenOptions, readOptions } from '../bootstrap/options.ts';
import { createResource, nearestPackage } from '../bootstrap/resource.ts';
import { createSettings, type Settings } from '../bootstrap/settings.ts';
import { SightlineError } from '../errors.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import { type Destination, destinationsOf } from './destinations.ts';

export interface Configuration {
  readonly diagnoses: readonly Diagnosis[];
  /** Undefined when a mistake keeps a service from being observed, or it is switched off. */
  readonly settings: Settings | undefined;
  readonly destinations: readonly Destination[];
}

function about(status: Diagnosis['status'], subject: string, text: string, more: Partial<Diagnosis> = {}): Diagnosis {
  return { part: 'configuration', status, subject, text, ...more };
}

/** Reads the environment as a service does, and says what comes of it. */
export function readConfiguration(env: NodeJS.ProcessEnv, workingDirectory: string): Configuration {
  const { given, mistakes } = readOptions({}, env);
  if (mistakes.length > 0) {
    const diagnoses = mistakes.map((mistake) => about('failed', 'options', mistake, { code: 'SIGHTLINE_E_OPTION' }));
    return { diagnoses, settings: undefined, destinations: [] };
  }
  if (given.disabled === true) {
    const off = about('warn', 'options', 'OTEL_SDK_DISABLED=true: nothing is observed', { fix: 'unset it' });
    return { diagnoses: [off], settings: undefined, destinations: [] };
  }
  try {
    return describe(given, env, workingDirectory);
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    const diagnoses = [about('failed', 'options', error.message, { code: error.code })];
    return { diagnoses, settings: undefined, destinations: [] };
  }
}

function describe(given: GivenOptions, env: NodeJS.ProcessEnv, workingDirectory: string): Configuration {
  const named = given.serviceName ?? given.resourceAttributes?.['service.name'];
  const nearest = named === undefined ? nearestPackage(undefined, workingDirectory).name : undefined;
  const serviceName = named ?? nearest ?? 'unknown_service:node';
  const resource = createResource({ ...given, serviceName }, env);
  const settings = createSettings(given, resource, env);
  const destinations = destinationsOf(settings);
  return {
    settings,
    destinations,
    diagnoses: [
      serviceOf(named, nearest, settings),
      ...destinations.map((destination) =>
        about(
          'ok',
          destination.signal,
          `to ${destination.name} at ${destination.address}${destination.stream === undefined ? '' : `, data stream ${destination.stream}`} (${settings.stackOnlyDefaulted ? 'default' : destination.variable})`,
        ),
      ),
      ...destinations.flatMap(missingFile),
      ...(settings.prometheus ? [about('ok', 'metrics', 'on /metrics of the admin port, for Prometheus')] : []),
      ...settings.off.map(offOf),
      ...(settings.logs.mode === 'stdout'
        ? [about('info', 'logs', 'on the standard output of the service, not shipped')]
        : []),
      ...(settings.consoleSpans
        ? [about('info', 'spans', 'lines on the standard output of the service, not sent')]
        : []),
      ...(given.delivery === 'direct'
        ? [about('info', 'delivery', 'direct, by the stock exporters: what a fault costs is in docs/rationale.md')]
        : []),
    ],
  };
}

/** What is wrong and what to do are one sentence where a service says it. */
function offOf(sentence: string): Diagnosis {
  const [text = '', ...rest] = sentence.split('; ');
  const fix = rest.length === 0 ? {} : { fix: rest.join('; ') };
  return about('warn', 'options', text, { ...fix, code: 'SIGHTLINE_W_SIGNAL_OFF' });
}

function serviceOf(named: string | undefined, nearest: string | undefined, { resource }: Settings): Diagnosis {
  const text = `${resource.serviceName} in ${resource.environment}`;
  if (named !== undefined) return about('ok', 'service', text);
  if (nearest !== undefined)
    return about(
      'ok',
      'service',
      `${text}, after the package.json here; a service takes the one nearest to its main file`,
    );
  return about('warn', 'service', text, {
    fix: 'set OTEL_SERVICE_NAME, or run this where the package.json of the service is',
  });
}

function missingFile(destination: Destination): Diagnosis[] {
  const { signal, tlsVariables: names, secretFiles, caFile, certificateFile, keyFile } = destination;
  const files = [
    [names?.ca, caFile],
    [names?.certificate, certificateFile],
    [names?.key, keyFile],
  ] as const;
  return [...files, ...Object.entries(secretFiles ?? {})].flatMap(([variable, path]) =>
    path === undefined || existsSync(path)
      ? []
      : about('failed', signal, `got ${variable} ${JSON.stringify(path)}, where there is no file`, {
          fix: 'correct it, or give the service the right to read there',
          code: 'SIGHTLINE_E_OPTION',
        }),
  );
}
