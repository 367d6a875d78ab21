import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { Agent, createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { announcedAdmin } from '../../test/support/announced.ts';
import { startChild } from '../../test/support/child.ts';
import { send } from '../../test/support/load.ts';
import { createProject, fixture } from '../../test/support/project.ts';
import { startReceiver } from '../../test/support/receiver.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { type Bytes, bytesOf, NO_BYTES, startCountingProxy } from './counting-proxy.ts';

/** What all requests of a run have left, in sum. */
export interface Measurement {
  readonly requests: number;
  /** Records that were delivered: spans and log lines. */
  readonly records: number;
  /** On disk while the backends were down. */
  readonly journal: number;
  /** Bodies of requests, zero for what was not asked for. */
  readonly elasticsearch: Bytes;
  readonly zipkin: Bytes;
  readonly otlpTraces: Bytes;
  readonly otlpLogs: Bytes;
  /** Lines of StatsD that name a route, with their ends. */
  readonly statsd: number;
  /** Pages of `/metrics` afterwards. */
  readonly prometheus: Bytes;
  readonly openMetrics: Bytes;
}

export interface Run {
  /** Path of the n-th request, from 0. */
  readonly path: (n: number) => string;
  readonly requests: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Longest that a run may take to deliver, milliseconds. */
const DELIVERY_MILLIS = 30_000;

/**
 * The trace and ID that the n-th request comes with, the decision left to the service: the same in every run, so that samplers
 * choose the same share each time.
 */
function headersOf(n: number): Record<string, string> {
  const digest = createHash('sha256').update(`trace ${n}`).digest('hex');
  return {
    b3: `${digest.slice(0, 32)}-${digest.slice(32, 48)}`,
    'x-correlation-id': `order-${String(n).padStart(6, '0')}`,
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  };
}

function sizeBelow(directory: string): number {
  let size = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(directory, name), { throwIfNoEntry: false });
    if (stat?.isFile()) size += stat.size;
  }
  return size;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/**
 * What an observed service writes and sends, counted at the disk and at a receiver while a child program serves requests. The
 * backends are down meanwhile, so that all of it is in the journal, and then leaves in full batches.
 */
export async function measure({ path, requests, env = {} }: Run): Promise<Measurement> {
  const receiver = await startReceiver();
  const proxy = await startCountingProxy(receiver.url);
  const next = createServer((_request, response) => response.end('in stock'));
  const dataDirectory = temporaryDirectory('cost');
  const child = startChild({
    cwd: createProject({
      name: 'orders',
      packages: ['express', 'pino'],
      files: { 'app.mjs': fixture('cost/app.mjs') },
    }),
    args: ['--import', 'sightline/register', 'app.mjs'],
    timeoutMillis: 120_000,
    env: {
      SIGHTLINE_ELASTICSEARCH_URL: `${proxy.url}/elasticsearch`,
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${proxy.url}/zipkin/api/v2/spans`,
      OTEL_EXPORTER_OTLP_ENDPOINT: proxy.url,
      SIGHTLINE_STATSD_URL: receiver.statsdUrl,
      SIGHTLINE_ADMIN_PORT: '0',
      SIGHTLINE_DATA_DIR: dataDirectory,
      SIGHTLINE_HOST: 'server-1',
      SIGHTLINE_ENVIRONMENT: 'prod',
      SIGHTLINE_IGNORE_PATHS: '/end',
      OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=orders-6f9c7d-x2x4j',
      OTEL_LOG_LEVEL: 'none',
      // Express prints no errors then.
      NODE_ENV: 'test',
      NEXT: `http://127.0.0.1:${await listening(next)}`,
      ...env,
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [, port] = await child.line(/listening (\d+)/);
    const url = `http://127.0.0.1:${port}`;
    receiver.outage({ status: 503 }, { path: /spans|_bulk|v1/ });
    for (let n = 0; n < requests; n += 1) await send(url + path(n), { agent, headers: headersOf(n) });
    const admin = await announcedAdmin(dataDirectory);
    const page = async (accept: string) => bytesOf((await send(`${admin}/metrics`, { headers: { accept } })).body);
    const prometheus = await page('text/plain');
    const openMetrics = await page('application/openmetrics-text');
    const journal = sizeBelow(join(dataDirectory, 'journal'));
    receiver.heal();
    const ended = JSON.parse((await send(`${url}/end?millis=${DELIVERY_MILLIS}`)).body);
    if (ended.onDisk !== 0 || ended.dropped !== 0)
      throw new Error(`not everything was delivered: ${JSON.stringify(ended)}`);
    const taken = (ending: string): Bytes =>
      [...proxy.taken].find(([takenPath]) => takenPath.endsWith(ending))?.[1] ?? NO_BYTES;
    return {
      requests,
      records: ended.delivered,
      journal,
      elasticsearch: taken('/_bulk'),
      zipkin: taken('/api/v2/spans'),
      otlpTraces: taken('/v1/traces'),
      otlpLogs: taken('/v1/logs'),
      statsd: receiver.statsd
        .filter((line) => line.includes('routes'))
        .reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0),
      prometheus,
      openMetrics,
    };
  } finally {
    agent.destroy();
    child.kill('SIGKILL');
    next.close();
    proxy.close();
    await receiver.close();
  }
}
