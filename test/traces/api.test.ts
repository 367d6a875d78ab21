/** The engine behind the real `@opentelemetry/api`: registered as the global provider, context manager and propagator. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { suppressTracing, unsuppressTracing } from '@opentelemetry/core';
import { ObservationContextManager } from '../../lib/context/context-manager.ts';
import { correlation } from '../../lib/context/correlation.ts';
import { SightlinePropagator } from '../../lib/context/propagator.ts';
import type { SpanData } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const ended: SpanData[] = [];
const early = trace.getTracer('early');

before(() => {
  const engine = createEngine({
    sampler: createSampler('parentbased_always_on', undefined),
    onEnd: (span) => ended.push(span),
  });
  assert.ok(trace.setGlobalTracerProvider(engine.provider));
  assert.ok(context.setGlobalContextManager(new ObservationContextManager().enable()));
  assert.ok(propagation.setGlobalPropagator(new SightlinePropagator()));
});
after(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});
beforeEach(() => {
  ended.length = 0;
});

test('a root span: valid IDs, sampled, random, local', () => {
  const span = trace.getTracer('lib', '1.2.3').startSpan('work');
  assert.ok(isSpanContextValid(span.spanContext()));
  assert.equal(span.spanContext().traceFlags, TraceFlags.SAMPLED | 2);
  assert.notEqual(span.spanContext().isRemote, true);
  span.end();
  assert.deepEqual(
    [ended[0]?.scopeName, ended[0]?.scopeVersion, ended[0]?.parentSpanId, ended[0]?.kind],
    ['lib', '1.2.3', undefined, SpanKind.INTERNAL],
  );
});

test('a tracer that was got before registration works', () => {
  early.startSpan('early').end();
  assert.equal(ended[0]?.name, 'early');
});

test('startActiveSpan: active inside, children below, result and error come through, the end is the caller’s', async () => {
  const tracer = trace.getTracer('lib');
  const result = await tracer.startActiveSpan(
    'parent',
    { kind: SpanKind.CONSUMER, attributes: { a: 1 } },
    async (parent) => {
      assert.equal(trace.getActiveSpan(), parent);
      await delay(1);
      assert.equal(trace.getActiveSpan(), parent);
      tracer.startActiveSpan('child', (child) => child.end());
      parent.end();
      return 42;
    },
  );
  assert.equal(result, 42);
  const [child, parent] = ended;
  assert.deepEqual([parent?.name, parent?.kind, parent?.attributes], ['parent', SpanKind.CONSUMER, { a: 1 }]);
  assert.equal(child?.traceId, parent?.traceId);
  assert.equal(child?.parentSpanId, parent?.spanId);
  assert.equal(trace.getActiveSpan(), undefined);
  assert.throws(
    () =>
      tracer.startActiveSpan('x', () => {
        throw new RangeError('mine');
      }),
    RangeError,
  );
});

test('startActiveSpan with a context: its parent and its values', () => {
  const tracer = trace.getTracer('lib');
  const key = Symbol.for('own key');
  const given = trace.setSpanContext(ROOT_CONTEXT.setValue(key, 'v'), {
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: 1,
    isRemote: true,
  });
  tracer.startActiveSpan('x', {}, given, (span) => {
    assert.equal(context.active().getValue(key), 'v');
    assert.equal(span.spanContext().traceId, TRACE);
    span.end();
  });
  assert.equal(ended[0]?.parentSpanId, SPAN);
});

test('explicit context, root option, an invalid parent', () => {
  const tracer = trace.getTracer('lib');
  tracer.startActiveSpan('active', (active) => {
    const remote = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    tracer.startSpan('explicit', {}, remote).end();
    tracer.startSpan('root', { root: true }).end();
    tracer.startSpan('orphan', {}, ROOT_CONTEXT).end();
    tracer
      .startSpan('invalid', {}, trace.setSpanContext(ROOT_CONTEXT, { traceId: 'zz', spanId: SPAN, traceFlags: 1 }))
      .end();
    for (const span of ended) assert.notEqual(span.traceId, active.spanContext().traceId, span.name);
    active.end();
  });
  assert.deepEqual([ended[0]?.traceId, ended[0]?.parentSpanId], [TRACE, SPAN]);
  for (const span of ended.slice(1, 4))
    assert.deepEqual([span.parentSpanId, span.traceId === TRACE], [undefined, false], span.name);
});

test('links at start and later, with attributes; those without a valid context are left out', () => {
  const valid = { context: { traceId: TRACE, spanId: SPAN, traceFlags: 1 }, attributes: { a: 1 } };
  const invalid = { context: { traceId: '', spanId: '', traceFlags: 0 } };
  trace
    .getTracer('lib')
    .startSpan('x', { links: [valid, invalid] })
    .addLink(valid)
    .addLinks([valid])
    .end();
  assert.deepEqual(ended[0]?.links, new Array(3).fill({ traceId: TRACE, spanId: SPAN, attributes: { a: 1 } }));
});

test('an unsampled parent: not recording, same trace, not handed on, ignored throughout', () => {
  const parent = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 0, isRemote: true });
  const span = trace.getTracer('lib').startSpan('x', { attributes: { a: 1 } }, parent);
  assert.equal(span.isRecording(), false);
  assert.equal(span.spanContext().traceId, TRACE);
  assert.notEqual(span.spanContext().spanId, SPAN);
  span.setAttribute('a', 1).setStatus({ code: SpanStatusCode.ERROR }).addEvent('e').recordException(new Error('x'));
  span.end();
  assert.equal(ended.length, 0);
});

test('tracing suppressed by OpenTelemetry’s own packages: nothing is made', () => {
  const tracer = trace.getTracer('lib');
  context.with(suppressTracing(context.active()), () => {
    tracer.startActiveSpan('x', (span) => {
      assert.equal(span.isRecording(), false);
      assert.equal(isSpanContextValid(span.spanContext()), false);
      span.end();
    });
    context.with(unsuppressTracing(context.active()), () => tracer.startSpan('again').end());
  });
  assert.deepEqual(
    ended.map((span) => span.name),
    ['again'],
  );
});

test('an inbound request is traced also where a suppressed context was inherited, other work of ours is not', () => {
  const engine = createEngine({ sampler: createSampler('always_on', undefined), onEnd: () => {} });
  context.with(suppressTracing(context.active()), () => {
    assert.equal(engine.start('GET', SpanKind.SERVER, undefined).isRecording(), true);
    assert.equal(engine.start('GET', SpanKind.CLIENT, undefined).isRecording(), false);
  });
});

test('the correlation ID of the given context, or of the span in it, is on the span', () => {
  const tracer = trace.getTracer('lib');
  correlation.run('job-1', () => {
    const span = tracer.startSpan('inside');
    const foreign = trace.setSpan(ROOT_CONTEXT, span);
    tracer.startSpan('by span', {}, foreign).end();
    context.with(foreign, () => assert.equal(correlation.id(), 'job-1'));
    span.end();
    tracer.startSpan('elsewhere', {}, ROOT_CONTEXT).end();
  });
  assert.deepEqual(
    ended.map((span) => span.attributes['correlation.id']),
    ['job-1', 'job-1', undefined],
  );
});

test('extracted headers are the parent; a decision without IDs is followed; debug is kept and sent on', () => {
  const tracer = trace.getTracer('lib');
  const under = (headers: Record<string, string>) =>
    tracer.startSpan('x', {}, propagation.extract(ROOT_CONTEXT, headers));
  const remote = under({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'rojo=1' });
  assert.deepEqual(
    [remote.spanContext().traceId, remote.spanContext().traceFlags, remote.spanContext().traceState?.get('rojo')],
    [TRACE, 1, '1'],
  );
  assert.equal(under({ b3: '0' }).isRecording(), false);
  assert.equal(under({ b3: '1' }).isRecording(), true);
  assert.equal(under({ b3: `${TRACE}-${SPAN}-0` }).isRecording(), false);
  assert.equal(under({ b3: `${TRACE}-${SPAN}` }).isRecording(), true, 'deferred: the root sampler decides');
  for (const b3 of ['d', `${TRACE}-${SPAN}-d`]) {
    const span = under({ b3 });
    const child = tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, span));
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(ROOT_CONTEXT, child), carrier);
    assert.match(carrier['b3']!, /-d$/);
    ended.length = 0;
    child.end();
    assert.equal(ended[0]?.debug, true);
  }
});

test('debug wins over any sampler, deferral follows the root sampler', () => {
  const off = createEngine({ sampler: createSampler('always_off', undefined), onEnd: () => {} }).provider.getTracer(
    'lib',
  );
  const under = (b3: string) => off.startSpan('x', {}, propagation.extract(ROOT_CONTEXT, { b3 })).isRecording();
  assert.deepEqual(
    [under('d'), under(`${TRACE}-${SPAN}-d`), under('1'), under(`${TRACE}-${SPAN}`)],
    [true, true, false, false],
  );
  const parentBasedOff = createEngine({
    sampler: createSampler('parentbased_always_off', undefined),
    onEnd: () => {},
  }).provider.getTracer('lib');
  const start = (b3: string) =>
    parentBasedOff.startSpan('x', {}, propagation.extract(ROOT_CONTEXT, { b3 })).isRecording();
  assert.deepEqual([start(`${TRACE}-${SPAN}`), start(`${TRACE}-${SPAN}-1`), start('1')], [false, true, true]);
});

test('names that are no strings, kinds that are none, options that are nothing', () => {
  const tracer = trace.getTracer(undefined as never);
  tracer.startSpan(7 as never, { kind: 99 } as never).end();
  tracer.startSpan('x', undefined, undefined).end();
  tracer.startSpan('y', null as never).end();
  assert.equal(tracer.startActiveSpan('no function' as never, undefined as never), undefined);
  assert.deepEqual(
    ended.map((span) => [span.name, span.kind, span.scopeName]),
    [
      ['7', 0, ''],
      ['x', 0, ''],
      ['y', 0, ''],
    ],
  );
});

test('getTracer gives the same tracer for the same name and version', () => {
  const provider = createEngine({ sampler: createSampler('always_on', undefined), onEnd: () => {} }).provider;
  assert.equal(provider.getTracer('a', '1'), provider.getTracer('a', '1'));
  assert.notEqual(provider.getTracer('a', '1'), provider.getTracer('a', '2'));
});
