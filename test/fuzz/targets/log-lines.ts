/** Whatever an app logs, throws or is asked for becomes documents that an index takes, without secrets. */
import assert from 'node:assert/strict';
import pino, { type Logger, type LoggerOptions } from 'pino';
import { ROOT } from '../../../lib/context/context.ts';
import type { RequestScope } from '../../../lib/context/request-scope.ts';
import { lineDetails, type PinoInstance } from '../../../lib/instruments/pino-settings.ts';
import { createLogPipeline } from '../../../lib/logs/log-pipeline.ts';
import type { PinoLineDetails } from '../../../lib/logs/pino-document.ts';
import { createRedactor } from '../../../lib/logs/redact.ts';
import { RESOURCE } from '../../metrics/fixtures.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileName, hostileText, mutate, plainText } from '../hostile-text.ts';
import { CANARY, hostileError, hostileRecord, hostileValue, secretText } from '../hostile-value.ts';
import { assertIndexDepth, assertNoCanary, assertUnpolluted, strictJson } from '../oracles.ts';
import type { Random } from '../random.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
/** One record of the journal. */
const MAX_BYTES = 256 * 1024;

const lines: string[] = [];
let counted = 0;
const pipeline = createLogPipeline({
  resource: RESOURCE,
  dataset: 'shop',
  namespace: 'test',
  redactor: createRedactor('pin,-sessionid'),
  sink: { log: (text) => void lines.push(text) },
  onLine: () => void (counted += 1),
  accessLog: 'on',
});

function scope(random: Random, error: unknown): RequestScope {
  return {
    correlationId: plainText(random),
    inboundCorrelationId: random.oneIn(3) ? hostileText(random, 200) : undefined,
    traceId: TRACE,
    spanId: SPAN,
    span: undefined,
    method: random.pick(['GET', '_OTHER']),
    path: random.oneIn(3) ? `/orders${secretText(random).split(' ')[1]}` : `/${hostileText(random)}`,
    startMicros: 0,
    startMillis: 0,
    context: ROOT,
    route: random.oneIn(2) ? hostileText(random, 200) : undefined,
    resolveRoute: undefined,
    handler: random.oneIn(3) ? hostileName(random) : undefined,
    error,
    ended: true,
  };
}

function check(text: string): void {
  assert.ok(Buffer.byteLength(text) <= MAX_BYTES, `${Buffer.byteLength(text)} bytes are more than a record takes`);
  const document = strictJson(text) as Record<string, unknown>;
  assert.match(String(document['@timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(typeof document['message'], 'string');
  assert.equal(typeof document['log.level'], 'string');
  assert.equal(document['service.name'], 'shop', 'a fact of ours was forged');
  assertIndexDepth(document);
  assertNoCanary(text, 'a log document');
}

interface Made {
  readonly instance: PinoInstance;
  readonly args: readonly unknown[];
}

/** A pino of some settings whose calls of `asJson` are kept, as the instrument sees them. */
function logger(random: Random, made: Made[], written: string[]): Logger {
  const settings: LoggerOptions = {
    level: 'trace',
    ...(random.oneIn(4) && { messageKey: hostileName(random) }),
    ...(random.oneIn(6) && { errorKey: plainText(random) }),
    ...(random.oneIn(6) && { nestedKey: plainText(random) }),
    ...(random.oneIn(6) && { base: hostileRecord(random, 0) as Record<string, string> }),
    ...(random.oneIn(4) && {
      timestamp: () =>
        `,"time":${random.pick(['1', '1531171074631', '"2018-07-09T21:17:54.631Z"', '-1', '"soon"', '1e400', 'null'])}`,
    }),
  };
  const instance = pino(settings, { write: (text: string) => void written.push(text) });
  const key = Object.getOwnPropertySymbols(Object.getPrototypeOf(Object.getPrototypeOf(instance))).find(
    (symbol) => symbol.description === 'pino.asJson',
  ) as symbol;
  const holder = instance as unknown as Record<symbol, (...args: unknown[]) => string>;
  const asJson = holder[key] as (...args: unknown[]) => string;
  holder[key] = function (this: PinoInstance, ...args: unknown[]) {
    made.push({ instance: this, args });
    return asJson.apply(this, args);
  };
  return instance;
}

function detailsOf({ instance, args }: Made): PinoLineDetails {
  return lineDetails(instance, args[0], Number(args[2]), args[3]);
}

/** Through pino: what it writes, and what it throws on. */
function viaPino(random: Random): number {
  const made: Made[] = [];
  const written: string[] = [];
  let instance: Logger;
  try {
    instance = logger(random, made, written);
    if (random.oneIn(3)) instance = instance.child(hostileRecord(random, 1));
  } catch {
    // Settings that pino itself refuses.
    return 0;
  }
  const message = random.oneIn(3) ? secretText(random) : hostileText(random);
  const object = random.oneIn(4)
    ? hostileError(random)
    : random.oneIn(8)
      ? hostileValue(random)
      : { ...hostileRecord(random), ...(random.oneIn(4) && { err: hostileError(random, 1) }) };
  let threw = false;
  try {
    (instance[random.pick(['info', 'error', 'warn', 'fatal'] as const)] as (...args: unknown[]) => void)(
      object,
      message,
      hostileValue(random, 1),
    );
  } catch {
    threw = true;
  }
  const call = made.at(-1);
  if (call === undefined) return 0;
  const line = written.at(-1);
  if (threw || line === undefined) pipeline.unserialisable(detailsOf(call), message);
  else {
    pipeline.pinoLine(line, detailsOf(call));
    // A destination of the app, or a pino of another version, may have another idea of a line.
    // The canary goes first: without the name in front of it no rule can know it.
    if (random.oneIn(3))
      pipeline.pinoLine(mutate(random, line.replaceAll(CANARY, 'x')), {
        ...detailsOf(call),
        errorTreatment: random.pick(['none', 'serialised', 'redacted']),
      });
  }
  return (line?.length ?? 0) * 3 + message.length;
}

export const LOG_LINES: FuzzTarget = {
  name: 'log-lines',
  shortCases: 300,
  run(random) {
    lines.length = 0;
    counted = 0;
    let size = viaPino(random);
    const error = hostileError(random);
    const request = scope(random, error);
    size += request.path.length * 4;
    pipeline.accessLine(request, {
      statusCode: random.pick([200, 404, 500, undefined]),
      errorType: random.oneIn(2) ? hostileText(random, 200) : undefined,
      durationNanos: random.pick([0, 1, -1, Number.NaN, Infinity, 1e18, 12.5]),
    });
    pipeline.errorLine(request, error, { statusCode: 500, errorType: undefined, durationNanos: 5 });
    pipeline.fatalLine(
      error,
      random.pick(['uncaughtException', 'unhandledRejection']),
      random.oneIn(2) ? request : undefined,
    );
    assert.equal(counted, lines.length, 'lines counted and lines shipped');
    for (const line of lines) {
      size += line.length;
      check(line);
    }
    assertUnpolluted();
    return size;
  },
};
