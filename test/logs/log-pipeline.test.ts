import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { trace } from '@opentelemetry/api';
import { ROOT, runIn } from '../../lib/context/context.ts';
import { type RequestScope, wasErrorLogged } from '../../lib/context/request-scope.ts';
import {
  type AccessLog,
  createLogPipeline,
  type LogPipelineOptions,
  type RequestLineEnd,
} from '../../lib/logs/log-pipeline.ts';
import type { PinoLineDetails } from '../../lib/logs/pino-document.ts';
import { createRedactor } from '../../lib/logs/redact.ts';
import { RESOURCE } from '../metrics/fixtures.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
let written: { document: Record<string, any>; atOnce: boolean; bytes: number }[] = [];
let levels: string[] = [];
beforeEach(() => {
  written = [];
  levels = [];
});

function pipeline(options: Partial<LogPipelineOptions> = {}) {
  return createLogPipeline({
    resource: RESOURCE,
    dataset: 'shop',
    namespace: 'test',
    redactor: createRedactor(undefined),
    sink: {
      log: (text, atOnce) => written.push({ document: JSON.parse(text), atOnce, bytes: Buffer.byteLength(text) }),
    },
    onLine: (level) => levels.push(level),
    accessLog: 'on',
    now: () => 1_531_171_074_631,
    ...options,
  });
}

function scope(given: Partial<RequestScope> = {}): RequestScope {
  return {
    correlationId: 'order-7',
    inboundCorrelationId: undefined,
    traceId: TRACE,
    spanId: SPAN,
    span: undefined,
    method: 'GET',
    path: '/orders/7',
    startMicros: 0,
    startMillis: 0,
    context: ROOT,
    route: '/orders/:id',
    resolveRoute: undefined,
    handler: undefined,
    error: undefined,
    ended: true,
    ...given,
  };
}

const details = (given: Partial<PinoLineDetails> = {}): PinoLineDetails => ({
  levelNumber: 30,
  levelLabel: 'info',
  messageKey: 'msg',
  errorKey: 'err',
  nestedKey: undefined,
  levelText: '{"level":30',
  timeText: ',"time":1531171074631',
  object: undefined,
  error: undefined,
  errorName: undefined,
  errorTreatment: 'none',
  ...given,
});
const LINE = '{"level":30,"time":1531171074631,"msg":"hello"}\n';
const OK = { statusCode: 200, errorType: undefined, durationNanos: 1_500_000 };

describe('access line', () => {
  test('who asked, only when it is given; an address that is none of an index is no client.ip', () => {
    const line = (client: RequestLineEnd['client']) => {
      pipeline().accessLine(scope(), { ...OK, client });
      const { document } = written.at(-1)!;
      return [document['client.address'], document['client.ip'], document['user_agent.original']];
    };
    const nobody = [undefined, undefined, undefined];
    assert.deepEqual(line(undefined), nobody);
    assert.deepEqual(line({ address: undefined, userAgent: undefined }), nobody);
    assert.deepEqual(line({ address: '::ffff:10.0.0.1', userAgent: 'curl "8"' }), [
      '::ffff:10.0.0.1',
      '::ffff:10.0.0.1',
      'curl "8"',
    ]);
    assert.deepEqual(line({ address: 'fe80::1%eth0', userAgent: undefined }), ['fe80::1%eth0', undefined, undefined]);
  });

  test('of which requests there is a line', () => {
    const sampled = trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
    const unsampled = trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 0 });
    const ends = [
      { span: sampled, ...OK },
      { span: unsampled, ...OK },
      { span: unsampled, ...OK, statusCode: 399 },
      { span: unsampled, ...OK, statusCode: 400 },
      { span: unsampled, ...OK, statusCode: 500 },
      { span: unsampled, ...OK, statusCode: undefined },
    ];
    const lines = (accessLog: AccessLog) =>
      ends.map(({ span, ...end }) => {
        written = [];
        pipeline({ accessLog }).accessLine(scope({ span }), end);
        return written.length;
      });
    assert.deepEqual(lines('on'), [1, 1, 1, 1, 1, 1]);
    assert.deepEqual(lines('sampled'), [1, 0, 0, 1, 1, 1]);
    assert.deepEqual(lines('errors'), [0, 0, 0, 1, 1, 1]);
    assert.deepEqual(lines('off'), [0, 0, 0, 0, 0, 0]);
  });

  test('a failed call of gRPC, answered with 200, is a failure', () => {
    pipeline().accessLine(scope(), { ...OK, errorType: 'UNKNOWN' });
    const document = JSON.parse(JSON.stringify(written[0]!.document));
    assert.deepEqual([document['log.level'], document['event.outcome']], ['error', 'failure']);
  });

  test('all fields that are promised of a line', () => {
    pipeline().accessLine(scope(), OK);
    const { document, atOnce } = written[0]!;
    assert.equal(atOnce, false);
    const wanted = {
      '@timestamp': '2018-07-09T21:17:54.631Z',
      'log.level': 'info',
      message: 'GET /orders/7 200 2ms',
      'service.name': 'shop',
      'trace.id': TRACE,
      'span.id': SPAN,
      'correlation.id': 'order-7',
      'http.request.id': 'order-7',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.path': '/orders/7',
      'event.duration': 1_500_000,
      'http.route': '/orders/:id',
      'event.dataset': 'shop',
    };
    for (const [name, value] of Object.entries(wanted)) assert.equal(document[name], value, name);
  });

  test('level and choice by outcome', () => {
    const ends = {
      200: OK,
      404: { ...OK, statusCode: 404 },
      500: { ...OK, statusCode: 500, errorType: '500' },
      aborted: { ...OK, statusCode: undefined, errorType: 'aborted' },
    };
    for (const accessLog of ['on', 'errors', 'off'] as const)
      for (const end of Object.values(ends)) pipeline({ accessLog }).accessLine(scope(), end);
    assert.deepEqual(levels, ['info', 'info', 'error', 'warn', 'info', 'error', 'warn']);
    const aborted = written[3]?.document;
    assert.deepEqual([aborted?.['error.type'], 'http.response.status_code' in (aborted ?? {})], ['aborted', false]);
  });

  test('a duration is a whole number whatever the clock did', () => {
    for (const durationNanos of [1.6, -5, Number.NaN, Number.POSITIVE_INFINITY])
      pipeline().accessLine(scope(), { ...OK, durationNanos });
    assert.deepEqual(
      written.map(({ document }) => document['event.duration']),
      [2, 0, 0, 0],
    );
  });

  test('hostile paths: no secret, no break, bounded', () => {
    pipeline().accessLine(scope({ path: '/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', route: '' }), OK);
    pipeline().accessLine(
      scope({ path: `/"\\\u0000\ud800${'x'.repeat(100_000)}`, correlationId: 'a"b', inboundCorrelationId: 'in"' }),
      OK,
    );
    assert.equal(written[0]?.document['url.path'], '/reset/[redacted]');
    assert.ok(!('http.route' in written[0]!.document));
    assert.ok((written[1]?.bytes ?? 0) < 60_000);
    assert.equal(written[1]?.document['http.request.inbound_id'], 'in"');
  });
});

describe('error and fatal lines', () => {
  const FAILED = { statusCode: 500, errorType: 'TypeError', durationNanos: 5 };
  test('handler, status, method, path, stack', () => {
    pipeline().errorLine(scope({ handler: 'getOrder' }), new TypeError('no order, token=canary'), FAILED);
    const { document, atOnce } = written[0]!;
    assert.equal(atOnce, true);
    assert.deepEqual(
      [
        'log.level',
        'handler',
        'http.response.status_code',
        'http.request.method',
        'url.path',
        'error.type',
        'error.message',
        'correlation.id',
      ].map((name) => document[name]),
      ['error', 'getOrder', 500, 'GET', '/orders/7', 'TypeError', 'no order, token=[redacted]', 'order-7'],
    );
    assert.match(document['error.stack_trace'], /TypeError: no order/);
    assert.doesNotMatch(JSON.stringify(document), /canary/);
    pipeline().errorLine(scope(), undefined, FAILED);
    assert.equal(written[1]?.document['handler'], 'GET /orders/:id');
    assert.equal(written[1]?.document['error.type'], 'undefined');
  });

  test('bounded, also where JSON takes six characters for one', () => {
    pipeline().errorLine(
      scope(),
      Object.assign(new Error('\u0001'.repeat(50_000)), { stack: '\u0001'.repeat(100_000) }),
      FAILED,
    );
    assert.ok((written[0]?.bytes ?? 0) < 200_000);
  });

  test('fatal: with the request, or with the running context', () => {
    const lines = pipeline();
    lines.fatalLine(new Error('end'), 'uncaughtException', scope());
    runIn(ROOT.withCorrelationId('job-1'), () => lines.fatalLine('text', 'unhandledRejection', undefined));
    assert.deepEqual(
      written.map(({ document }) => [
        document['message'],
        document['log.level'],
        document['correlation.id'],
        document['event.action'],
      ]),
      [
        ['uncaught exception: end', 'fatal', 'order-7', 'uncaughtException'],
        ['unhandled rejection: text', 'fatal', 'job-1', 'unhandledRejection'],
      ],
    );
    assert.deepEqual(levels, ['fatal', 'fatal']);
  });
});

describe('lines of the app', () => {
  test('IDs of the running code', () => {
    const lines = pipeline();
    const span = trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
    const none = trace.wrapSpanContext({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 });
    lines.pinoLine(LINE, details());
    runIn(ROOT.withCorrelationId('job-1'), () => lines.pinoLine(LINE, details()));
    runIn(ROOT.withSpan(span), () => lines.pinoLine(LINE, details()));
    runIn(ROOT.withSpan(span).withCorrelationId('job-2'), () => lines.pinoLine(LINE, details()));
    runIn(ROOT.withSpan(none), () => lines.pinoLine(LINE, details()));
    assert.deepEqual(
      written.map(({ document }) => [document['trace.id'], document['span.id'], document['correlation.id']]),
      [
        [undefined, undefined, undefined],
        [undefined, undefined, 'job-1'],
        [TRACE, SPAN, TRACE],
        [TRACE, SPAN, 'job-2'],
        [undefined, undefined, undefined],
      ],
    );
    assert.ok(written.every(({ atOnce }) => atOnce));
  });

  test('an error counts as told from level error on, by number or name, with its causes', () => {
    const lines = pipeline();
    const told = (given: Partial<PinoLineDetails>): boolean => {
      const cause = new Error('inner');
      const error = new Error('outer', { cause });
      lines.pinoLine(LINE, details({ error, errorName: 'err', ...given }));
      assert.equal(wasErrorLogged(cause), wasErrorLogged(error));
      return wasErrorLogged(error);
    };
    assert.equal(told({ levelNumber: 40, levelLabel: 'warn' }), false);
    assert.equal(told({ levelNumber: 49, levelLabel: 'notice' }), false);
    assert.equal(told({ levelNumber: 50, levelLabel: 'error' }), true);
    assert.equal(told({ levelNumber: 60, levelLabel: 'fatal' }), true);
    assert.equal(told({ levelNumber: 2, levelLabel: 'crit' }), true, 'syslog counts downwards');
  });

  test('a bug of ours does not lose the line', (context) => {
    context.mock.method(process.stderr, 'write', () => true);
    const redactor = {
      ...createRedactor(undefined),
      member: () => {
        throw new Error('bug');
      },
    };
    pipeline({ redactor }).pinoLine('{"level":30,"time":1531171074631,"a":1,"msg":"hello"}\n', details());
    assert.equal(written[0]?.document['app.unserialisable'], true);
    assert.deepEqual(levels, ['info']);
  });
});
