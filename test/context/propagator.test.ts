import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { active, ROOT, samplingDecisionOf, toObservationContext } from '../../lib/context/context.ts';
import { ObservationContextManager } from '../../lib/context/context-manager.ts';
import { correlation, correlationIdOf } from '../../lib/context/correlation.ts';
import { NonRecordingSpan } from '../../lib/context/non-recording-span.ts';
import { SightlinePropagator } from '../../lib/context/propagator.ts';
import { internalErrors } from '../../lib/core/fence.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${SPAN}-01`;
let rejected = 0;

before(() => {
  context.setGlobalContextManager(new ObservationContextManager().enable());
  propagation.setGlobalPropagator(
    new SightlinePropagator({
      onRejected: () => {
        rejected += 1;
      },
    }),
  );
});
after(() => {
  propagation.disable();
  context.disable();
});

test('through the API: what comes in by one carrier goes out by another, correlation ID included', () => {
  const headers = { traceparent, tracestate: 'rojo=1', baggage: 'a=1', 'x-request-id': 'req-1' };
  const inbound = propagation.extract(ROOT_CONTEXT, headers);
  context.with(inbound, () => {
    assert.equal(correlation.id(), 'req-1');
    assert.equal(trace.getActiveSpan()?.spanContext().isRemote, true);
    const carrier = {};
    propagation.inject(context.active(), carrier);
    assert.deepEqual(carrier, {
      traceparent,
      tracestate: 'rojo=1',
      b3: `${TRACE}-${SPAN}-1`,
      baggage: 'a=1',
      'x-correlation-id': 'req-1',
    });
  });
});

test('without a correlation ID the trace ID goes out as one', () => {
  const carrier: Record<string, string> = {};
  propagation.inject(propagation.extract(ROOT_CONTEXT, { traceparent }), carrier);
  assert.equal(carrier['x-correlation-id'], TRACE);
  const none = {};
  propagation.inject(ROOT_CONTEXT, none);
  assert.deepEqual(none, {});
});

test('correlation.run() is sent on, in a trace and outside of one', () => {
  const carrier = {};
  correlation.run('job-1', () => propagation.inject(context.active(), carrier));
  assert.deepEqual(carrier, { 'x-correlation-id': 'job-1' });
});

test('extract keeps what the given context has, and adds only what came', () => {
  const given = ROOT.withCorrelationId('mine');
  assert.equal(propagation.extract(given, {}), given);
  assert.equal(toObservationContext(propagation.extract(given, { traceparent })).correlationId, 'mine');
});

test('an ID that is not accepted is counted and not taken', () => {
  const before = rejected;
  const result = toObservationContext(propagation.extract(ROOT_CONTEXT, { 'x-correlation-id': 'no good' }));
  assert.equal(result.correlationId, undefined);
  assert.equal(rejected, before + 1);
});

test('a decision without IDs waits for the span that starts the trace', () => {
  const result = toObservationContext(propagation.extract(ROOT_CONTEXT, { b3: '0' }));
  assert.equal(result.span, undefined);
  assert.deepEqual(samplingDecisionOf(result), { sampled: false, debug: false });
});

test('carriers with several values, other types, and getters that throw', () => {
  const extracted = (value: unknown) =>
    toObservationContext(propagation.extract(ROOT_CONTEXT, value)).span?.spanContext().traceId;
  assert.equal(extracted({ traceparent: [traceparent] }), TRACE);
  assert.equal(extracted({ traceparent: [traceparent, traceparent] }), undefined);
  assert.equal(extracted({ traceparent: Buffer.from(traceparent) }), undefined);
  assert.equal(extracted({ traceparent: 7 }), undefined);
  assert.equal(extracted(null), undefined);
  assert.equal(
    extracted({
      get traceparent() {
        throw new Error('hostile');
      },
    }),
    undefined,
  );
  const frozen = Object.freeze({});
  propagation.inject(ROOT.withCorrelationId('a'), frozen);
});

test('nothing goes out where tracing is suppressed', () => {
  const carrier = {};
  const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  propagation.inject(suppressTracing(ROOT.withSpan(span).withCorrelationId('a')), carrier);
  assert.deepEqual(carrier, {});
});

test('other formats and headers by options; fields() names what is set', () => {
  const propagator = new SightlinePropagator({ formats: ['b3multi'], correlationHeaders: ['x-id'] });
  const carrier: Record<string, string> = {};
  const span = new NonRecordingSpan({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  propagator.inject(active().withSpan(span), carrier, {
    set: (target, key, value) => {
      target[key] = value;
    },
  });
  assert.deepEqual(carrier, { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1', 'x-id': TRACE });
  for (const name of Object.keys(carrier)) assert.ok(propagator.fields().includes(name), name);
  assert.deepEqual(propagation.fields(), ['traceparent', 'tracestate', 'baggage', 'b3', 'x-correlation-id']);
});

test('a carrier may hold anything: what is no text is as good as absent, the rest is read', () => {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  const before = internalErrors();
  const inbound = propagation.extract(ROOT, { traceparent: proxy, b3: Symbol('s'), 'x-correlation-id': 'order-7' });
  assert.equal(correlationIdOf(toObservationContext(inbound)), 'order-7');
  assert.equal(internalErrors(), before, 'no bug is reported for it');
});
