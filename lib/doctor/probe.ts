/**
 * The program that `sightline doctor` runs with the one line: a service like any other, with one request. Whatever happens
 * to that request's telemetry happens to that of the service that is to be diagnosed.
 */
import { createServer, get } from 'node:http';
import { connect } from 'node:net';
import { health } from '../admin/health.ts';
import type { HealthPage } from '../admin/health-page.ts';
import { observe } from '../bootstrap/observe.ts';
import { active } from '../context/context.ts';
import { correlation } from '../context/correlation.ts';
import { log } from '../logs/logger.ts';

/** How long delivery may take, milliseconds: as long as one request may. */
const SETTLE_MILLIS = 12_000;
/** How long it is waited for backends that fail, milliseconds: several attempts. */
const FAILING_MILLIS = 3000;
const PAUSE_MILLIS = 50;

/** What the probe has to tell about one signal; the members are those of /health. */
export interface ProbeSignal {
  readonly signal: string;
  readonly courier: string;
  readonly accepted: number;
  readonly delivered: number;
  readonly sentUnconfirmed: number;
  readonly onDisk: number;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** The last failure. */
  readonly error: string | undefined;
}

export interface ProbeReport {
  readonly correlationId: string;
  readonly traceId: string;
  /** The header of the answer that repeats the ID; undefined when none does. */
  readonly echoed: string | undefined;
  readonly signals: readonly ProbeSignal[];
  /** The page of /metrics. */
  readonly metrics: string;
}

function signalsOf(page: HealthPage): ProbeSignal[] {
  return (page.checks['telemetry:delivery'] ?? []).map((detail) => ({
    signal: detail.componentId ?? '',
    courier: String(detail['courier']),
    accepted: Number(detail['accepted']),
    delivered: Number(detail['delivered']),
    sentUnconfirmed: Number(detail['sentUnconfirmed'] ?? 0),
    onDisk: Number(detail['onDisk']),
    deadLettered: Number(detail['deadLettered']),
    dropped: (detail['dropped'] ?? {}) as Record<string, number>,
    error: detail.output,
  }));
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));

function request(port: number, headers: Record<string, string>): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/sightline-doctor', headers }, (response) => {
      response.resume().on('end', () => resolve(response.headers));
    }).on('error', reject);
  });
}

/** By a plain socket: a request of the HTTP client would be one more span. */
function metricsPage(url: string | undefined): Promise<string> {
  if (url === undefined) return Promise.resolve('');
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
      socket.write(`GET /metrics HTTP/1.0\r\nhost: ${hostname}\r\n\r\n`);
    });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => resolve(''));
    socket.on('end', () => resolve(text.slice(text.indexOf('\r\n\r\n') + 4)));
  });
}

function isPatient(signals: readonly ProbeSignal[], waitedMillis: number): boolean {
  const open = signals.filter(({ onDisk }) => onDisk > 0);
  const limit = open.every(({ courier }) => courier === 'failing') ? FAILING_MILLIS : SETTLE_MILLIS;
  return open.length > 0 && waitedMillis < limit;
}

async function run(correlationId: string): Promise<void> {
  const observation = observe();
  let given: string | undefined;
  let traceId = '';
  const server = createServer((_request, response) => {
    given = correlation.id();
    traceId = active().span?.spanContext().traceId ?? '';
    log.info({ 'event.action': 'sightline-doctor' }, 'probe of sightline doctor');
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const headers = await request(port, { 'x-correlation-id': correlationId });
  server.close();
  const start = performance.now();
  let signals: ProbeSignal[] = [];
  do {
    await observation.flush();
    await pause();
    signals = signalsOf(await health.page());
  } while (isPatient(signals, performance.now() - start));
  const metrics = await metricsPage(observation.admin.url);
  const report: ProbeReport = {
    // At an edge that trusts nobody, the request gets an ID of its own.
    correlationId: given ?? correlationId,
    traceId,
    echoed: Object.values(headers).find((value) => value === given) as string | undefined,
    signals,
    metrics,
  };
  await observation.shutdown({ timeoutMs: 1000 });
  process.send?.(report, () => process.disconnect());
}

void run(process.argv[2] ?? 'doctor');
