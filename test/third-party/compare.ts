import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import { type Child, startChild } from '../support/child.ts';
import type { NodeRuntime } from '../support/nodes.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { programOf, type ServiceRequest, type ThirdPartyService } from './services.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** A time long gone, so that `Last-Modified` and entity tags are the same in all runs. */
const FILE_TIME = new Date('2020-01-01T00:00:00Z');
/** Output that has not grown for so many looks is complete. */
const QUIET_LOOKS = 6;

/** What is ours in a response. */
const OUR_HEADERS = new Set(['x-correlation-id']);
/** What differs between any two answers. */
const VOLATILE_HEADERS = new Set(['date', 'x-response-time', 'x-amz-request-id', 'x-amz-id-2']);

export interface ServiceAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names and values in order, without ours. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly correlationId: string | undefined;
}

export interface ServiceRun {
  readonly answers: readonly ServiceAnswer[];
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly service: ThirdPartyService;
  readonly node: NodeRuntime;
  readonly signal: 'SIGTERM' | 'SIGINT';
  /** Arguments of Node before the program. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Headers of the n-th request, beside its own. */
  readonly headers?: (n: number) => Readonly<Record<string, string>>;
  /** Masked output of the run without observer before it was stopped: waited for, so that nothing is compared too early. */
  readonly expectedBeforeStop?: string;
  /** Called after the last answer, before the stop. */
  readonly beforeStop?: () => Promise<void>;
}

function project(service: ThirdPartyService): string {
  const directory = temporaryDirectory('third-party');
  for (const [name, content] of Object.entries(service.files ?? {})) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, FILE_TIME, FILE_TIME);
  }
  if (service.files?.[service.program] !== undefined) {
    // An app of these tests on a library of others: it resolves both.
    const modules = join(directory, 'node_modules');
    mkdirSync(join(modules), { recursive: true });
    const library = service.name === 'hapi' ? '@hapi' : service.name;
    symlinkSync(join(npmFixture(service.folder).directory, 'node_modules', library), join(modules, library), 'dir');
  }
  return directory;
}

/** Takes out what differs between any two runs. Stacks name our frames where they are; the app's are compared elsewhere. */
export function masked(text: string, service: ThirdPartyService, port: number, directory: string): string {
  let result = text.replaceAll(directory, '<directory>').replaceAll(String(port), '<port>');
  for (const [pattern, replacement] of service.masks ?? []) result = result.replace(pattern, replacement);
  return result
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?/g, '<time>')
    .replace(/\d{1,2}\/[\w]{1,3}\/\d{4}[: ,]+\d{1,2}:\d\d:\d\d(?: [AP]M| \+\d{4})?/g, '<time>')
    .replace(/\d{1,2} \w{3} \d\d:\d\d:\d\d/g, '<time>')
    .replace(/\b\d{1,2}:\d\d:\d\d(?: [AP]M)?/g, '<time>')
    .replace(/\(node:\d+\)/g, '(node)')
    .replace(/"(?:time|pid)":\d+/g, '"n"')
    .replace(/"responseTime":[\d.e-]+/g, '"responseTime"')
    .replace(/"remotePort":\d+/g, '"remotePort"')
    .replace(/^ +at .*\n/gm, '')
    .replace(/(?:\\n +at [^\\"]*)+/g, '')
    .replace(/\b\d+(?:\.\d+)? ?ms\b/g, '<duration>');
}

interface Asked {
  readonly port: number;
  readonly agent: Agent;
  readonly request: ServiceRequest;
  readonly extra: Readonly<Record<string, string>>;
}

function ask({ port, agent, request, extra }: Asked): Promise<ServiceAnswer> {
  const { method = 'GET', path, body } = request;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, method, path, agent, headers: { ...request.headers, ...extra } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const headers: string[] = [];
          for (let index = 0; index < response.rawHeaders.length; index += 2) {
            const [name = '', value = ''] = response.rawHeaders.slice(index, index + 2);
            if (OUR_HEADERS.has(name.toLowerCase())) continue;
            headers.push(`${name}: ${VOLATILE_HEADERS.has(name.toLowerCase()) ? '<volatile>' : value}`);
          }
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? '',
            headers,
            body: Buffer.concat(chunks).toString('latin1'),
            correlationId: response.headers['x-correlation-id'] as string | undefined,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Some print that they listen before they do. Nothing is sent: it would be logged. */
function accepts(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(undefined));
  });
}

async function settled(child: Child, mask: (text: string) => string, expected: string | undefined): Promise<string> {
  let last = '';
  let quiet = 0;
  await eventually(
    'the output of the service',
    () => {
      const now = child.stdout() + child.stderr();
      quiet = now === last ? quiet + 1 : 0;
      last = now;
      if (expected !== undefined && mask(child.stdout()) === expected) return true;
      // Without an expectation, and for one that does not come true: the comparison afterwards shows the difference.
      return quiet >= (expected === undefined ? QUIET_LOOKS : QUIET_LOOKS * 10) ? true : undefined;
    },
    { pauseMillis: 50 },
  );
  return mask(child.stdout());
}

/** Starts the service, sends its requests one after the other, stops it. Everything is masked. */
export async function runService(options: RunOptions): Promise<ServiceRun & { readonly beforeStop: string }> {
  const { service, node, signal, nodeArgs = [], headers = () => ({}) } = options;
  const directory = project(service);
  const port = await freePort();
  const child = startChild({
    node,
    cwd: directory,
    args: [...nodeArgs, programOf(service, directory), ...service.args(port)],
    env: { NO_UPDATE_CHECK: '1', TZ: 'UTC', ...service.env?.(port), ...options.env },
  });
  const mask = (text: string): string => masked(text, service, port, directory);
  // One connection for all: a program that logs at the end of a response would lose lines to a client that closes early.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    await child.line(service.ready);
    await eventually(`${service.name} to listen`, () => accepts(port), { pauseMillis: 10 });
    const answers: ServiceAnswer[] = [];
    for (const [n, request] of service.requests.entries()) {
      const answer = await ask({ port, agent, request, extra: headers(n) });
      answers.push({ ...answer, headers: answer.headers.map(mask), body: mask(answer.body) });
    }
    agent.destroy();
    await options.beforeStop?.();
    const beforeStop = await settled(child, mask, options.expectedBeforeStop);
    const ended = await child.stop(signal);
    const { code, signal: by, stdout, stderr } = ended;
    return { answers, code, signal: by, stdout: mask(stdout), stderr: mask(stderr), beforeStop };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Where `--import` and `NODE_OPTIONS` find the package from any directory, as they would an installed one. */
export const REGISTER = new URL('dist/register.js', `file://${root}/`).href;
