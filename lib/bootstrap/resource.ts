import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Resource } from '../model/resource.ts';
import type { GivenOptions } from './options.ts';
import { isLauncher, isPm2Container } from './runtime-guard.ts';

/** Directories looked at upwards from the app's main file; deeper trees than this are not met in practice. */
const MAX_LEVELS = 32;

interface PackageFacts {
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** Name and version of the nearest package.json with a name, from the app's main file upwards, else from the working directory. */
export function nearestPackage(mainFile: string | undefined, workingDirectory: string): PackageFacts {
  for (const start of [
    mainFile === undefined ? undefined : dirname(realOf(resolve(workingDirectory, mainFile))),
    workingDirectory,
  ]) {
    let directory = start;
    for (let level = 0; directory !== undefined && level < MAX_LEVELS; level += 1) {
      const facts = readPackage(join(directory, 'package.json'));
      if (facts?.name !== undefined) return facts;
      const parent = dirname(directory);
      directory = parent === directory ? undefined : parent;
    }
  }
  return { name: undefined, version: undefined };
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function readPackage(path: string): PackageFacts | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown; version?: unknown };
    return {
      name: typeof parsed.name === 'string' && parsed.name !== '' ? parsed.name : undefined,
      version: typeof parsed.version === 'string' ? parsed.version : undefined,
    };
  } catch {
    return undefined;
  }
}

/**
 * The app's main file; undefined where a launcher (`next start`) finds the app from the working directory. PM2 starts every app from a script of its own, and says in the environment which one is meant: in
 * cluster mode as JSON, which that script has not yet read.
 */
function mainScript(env: NodeJS.ProcessEnv): string | undefined {
  const started = process.argv[1];
  if (isLauncher(started)) return undefined;
  if (!isPm2Container(started)) return started;
  try {
    const { pm_exec_path: script } = JSON.parse(env['pm2_env'] ?? '{}') as { pm_exec_path?: unknown };
    if (typeof script === 'string') return script;
  } catch {
    // Of another version; the plain variable may be there.
  }
  return env['pm_exec_path'] ?? started;
}

/** Assembles the resource of this process: options, then `OTEL_RESOURCE_ATTRIBUTES`, then package.json, then the machine. */
export function createResource(given: GivenOptions, env: NodeJS.ProcessEnv): Resource {
  const attributes = given.resourceAttributes ?? {};
  const name = given.serviceName ?? attributes['service.name'];
  const version = attributes['service.version'];
  const facts =
    name === undefined || version === undefined ? nearestPackage(mainScript(env), process.cwd()) : undefined;
  return Object.freeze({
    serviceName: name ?? facts?.name ?? 'unknown_service:node',
    serviceVersion: version ?? facts?.version ?? '',
    instanceId: attributes['service.instance.id'] ?? randomUUID(),
    environment:
      given.environment ??
      attributes['deployment.environment.name'] ??
      attributes['deployment.environment'] ??
      (env['NODE_ENV'] === undefined || env['NODE_ENV'] === '' ? 'development' : env['NODE_ENV']),
    hostName: given.host ?? attributes['host.name'] ?? hostname(),
    pid: process.pid,
    attributes: Object.freeze({ ...attributes }),
  });
}
