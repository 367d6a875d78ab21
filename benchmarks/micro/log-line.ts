/**
 * What a log line costs beyond pino's own work, in nanoseconds a line: `node benchmarks/micro/log-line.ts`.
 * Each case runs in rounds after a warm-up; the median of the rounds is printed, so that a busy machine shows in the spread.
 * Goals: an ordinary line at most 5 µs, an access line at most 2 µs.
 */
import { hostname } from 'node:os';
import { ROOT } from '../../lib/context/context.ts';
import type { RequestScope } from '../../lib/context/request-scope.ts';
import { createLogPipeline } from '../../lib/logs/log-pipeline.ts';
import type { PinoLineDetails } from '../../lib/logs/pino-document.ts';
import { createRedactor } from '../../lib/logs/redact.ts';

const ROUNDS = 9;
const OPERATIONS = 50_000;

function measure(name: string, operation: () => void): void {
  for (let index = 0; index < OPERATIONS; index += 1) operation();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < OPERATIONS; index += 1) operation();
    rounds.push(Number(process.hrtime.bigint() - start) / OPERATIONS);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(
    `${name.padEnd(44)} ${median.toFixed(0).padStart(8)} ns/op  [${(rounds[0] ?? 0).toFixed(0)}-${(rounds.at(-1) ?? 0).toFixed(0)}]\n`,
  );
}

let characters = 0;
const pipeline = createLogPipeline({
  resource: {
    serviceName: 'shop',
    serviceVersion: '1.2.3',
    instanceId: 'shop-1',
    environment: 'production',
    hostName: hostname(),
    pid: process.pid,
    attributes: {},
  } as never,
  dataset: 'shop',
  namespace: 'production',
  redactor: createRedactor(undefined),
  sink: {
    log(document) {
      characters += document.length;
    },
  },
  onLine: () => {},
  accessLog: 'on',
});

const base = `,"pid":${process.pid},"hostname":"${hostname()}"`;
const TIME = ',"time":1790000000000';
const DETAILS: PinoLineDetails = {
  levelNumber: 30,
  levelLabel: 'info',
  messageKey: 'msg',
  errorKey: 'err',
  nestedKey: undefined,
  levelText: '{"level":30',
  timeText: TIME,
  object: undefined,
  error: undefined,
  errorName: undefined,
  errorTreatment: 'none',
};
const line = (object: object, message: string): string =>
  `{"level":30${TIME}${base},${JSON.stringify(object).slice(1, -1)},"msg":${JSON.stringify(message)}}\n`;

const ordinary = { orderId: 17, customer: 'c-4711', total: 12.5 };
const nested = {
  reqId: 'req-1',
  req: { method: 'GET', url: '/orders/17?page=2', headers: { host: 'shop', accept: '*/*' } },
  res: { statusCode: 200 },
};
const failure = new TypeError('no such order');
const cases: [string, object, string, Partial<PinoLineDetails>][] = [
  ['message and three fields', ordinary, 'order placed', {}],
  ['a request and a response', nested, 'request completed', {}],
  [
    'a message with URL and pairs',
    ordinary,
    'GET http://stock:8080/items?sku=7 took 12ms, status=200, cache: miss',
    {},
  ],
  [
    'an error with its stack',
    { err: { type: 'TypeError', message: failure.message, stack: failure.stack } },
    'failed',
    { levelNumber: 50, levelLabel: 'error', error: failure, errorName: 'err' },
  ],
];
for (const [name, object, message, details] of cases) {
  const text = line(object, message);
  const all = { ...DETAILS, ...details, object };
  measure(`app line: ${name}`, () => pipeline.pinoLine(text, all));
}
const parsed = line(ordinary, 'order placed');
measure('JSON.parse of the first alone', () => JSON.parse(parsed));
const scope: RequestScope = {
  correlationId: '12345678901234567890123456789012',
  inboundCorrelationId: undefined,
  traceId: '12345678901234567890123456789012',
  spanId: '1234567890123456',
  span: undefined,
  method: 'GET',
  path: '/orders/17',
  startMicros: 0,
  startMillis: 0,
  context: ROOT,
  route: '/orders/:id',
  resolveRoute: undefined,
  handler: undefined,
  error: undefined,
  ended: true,
};
measure('access line', () =>
  pipeline.accessLine(scope, { statusCode: 200, errorType: undefined, durationNanos: 1_234_567 }),
);
process.stdout.write(`${characters} characters made\n`);
