/**
 * What a span and its headers cost, in nanoseconds an operation: `node benchmarks/micro/span.ts`.
 * Each case runs in rounds after a warm-up; the median of the rounds is printed, so that a busy machine shows in the spread.
 */
import { ROOT, runIn } from '../../lib/context/context.ts';
import { extract, inject, type PropagationFormat } from '../../lib/context/propagation.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { parseKeepPolicy } from '../../lib/traces/keep.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

const ROUNDS = 9;
const OPERATIONS = 200_000;
const WARM_UP = 200_000;

function measure(name: string, operation: () => void): void {
  for (let index = 0; index < WARM_UP; index += 1) operation();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < OPERATIONS; index += 1) operation();
    rounds.push(Number(process.hrtime.bigint() - start) / OPERATIONS);
  }
  rounds.sort((a, b) => a - b);
  const median = rounds[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(
    `${name.padEnd(44)} ${median.toFixed(1).padStart(8)} ns/op  [${(rounds[0] ?? 0).toFixed(1)}-${(rounds.at(-1) ?? 0).toFixed(1)}]\n`,
  );
}

let ended = 0;
const onEnd = (): void => {
  ended += 1;
};
const SERVER = 1;
const formats: readonly PropagationFormat[] = ['tracecontext', 'baggage', 'b3'];
const TRACEPARENT = '00-12345678901234567890123456789012-1234567890123456-01';
const headers = { host: 'localhost', 'user-agent': 'bench', accept: '*/*', connection: 'keep-alive' };
const traced = { ...headers, traceparent: TRACEPARENT };
const stated = { ...traced, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' };
const b3 = { ...headers, b3: '12345678901234567890123456789012-1234567890123456-1' };

const on = createEngine({ sampler: createSampler('parentbased_always_on', undefined), onEnd });
const off = createEngine({ sampler: createSampler('parentbased_always_off', undefined), onEnd });
const keeping = createEngine({
  sampler: createSampler('parentbased_always_off', undefined),
  onEnd,
  keep: parseKeepPolicy('errors,slow:1s'),
});
const remote = extract(traced, formats)?.spanContext;

function serve(engine: typeof on, parent: typeof remote): void {
  const span = engine.start('GET', SERVER, parent);
  if (span.isRecording()) {
    span.setAttribute('http.request.method', 'GET');
    span.setAttribute('url.scheme', 'http');
    span.setAttribute('url.path', '/orders/7');
    span.setAttribute('server.address', '127.0.0.1');
    span.setAttribute('server.port', 8080);
    span.setAttribute('client.address', '127.0.0.1');
    span.setAttribute('user_agent.original', 'bench');
    span.setAttribute('network.protocol.version', '1.1');
    span.setAttribute('http.route', '/orders/:id');
    span.setAttribute('http.response.status_code', 200);
  }
  span.updateName('GET /orders/:id');
  span.end();
}

const context = ROOT.withCorrelationId('checkout-7');
measure('server span, remote parent, 10 attributes', () => serve(on, remote));
measure('server span, new trace, 10 attributes', () => serve(on, undefined));
runIn(context, () => measure('same, within a correlation ID', () => serve(on, remote)));
measure('not sampled', () => serve(off, undefined));
measure('not sampled, kept on trial', () => serve(keeping, undefined));
const tracer = on.provider.getTracer('bench');
measure('tracer.startActiveSpan, empty', () => tracer.startActiveSpan('work', (span) => span.end()));
measure('tracer.startSpan, 3 attributes in options', () => {
  tracer
    .startSpan('query', {
      kind: 2,
      attributes: { 'db.system.name': 'redis', 'db.operation.name': 'GET', 'server.port': 6379 },
    })
    .end();
});
const failure = new Error('no such order');
measure('span with recordException', () => {
  const span = on.start('GET', SERVER, remote);
  span.recordException(failure);
  span.end();
});
let sink: unknown;
measure('extract, no header', () => {
  sink = extract(headers, formats);
});
measure('extract, traceparent', () => {
  sink = extract(traced, formats);
});
measure('extract, traceparent and tracestate', () => {
  sink = extract(stated, formats);
});
measure('extract, b3', () => {
  sink = extract(b3, formats);
});
const set = (_name: string, value: string): void => {
  sink = value;
};
measure('inject, traceparent and b3', () => inject(formats, remote, undefined, set));
process.stdout.write(`${ended} spans ended, last value ${String(sink).length} characters\n`);
