import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { decisionOnly, TraceSpanContext } from '../../lib/context/span-context.ts';
import { newTraceId } from '../../lib/core/ids.ts';
import { createSampler, SAMPLER_NAMES } from '../../lib/traces/sampler.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = (traceFlags: number, sampling: 'decided' | 'deferred' | 'debug' = 'decided', isRemote = true) =>
  new TraceSpanContext({ traceId: ID, spanId: '00f067aa0ba902b7', traceFlags, isRemote, sampling });

test('always_on and always_off do not look at the parent', () => {
  for (const context of [undefined, parent(0), parent(1)]) {
    assert.equal(createSampler('always_on', undefined).shouldSample(context, ID), true);
    assert.equal(createSampler('always_off', undefined).shouldSample(context, ID), false);
  }
});

test('the parent-based ones follow a parent, local or remote, and the root sampler without one', () => {
  for (const [name, root] of [
    ['parentbased_always_on', true],
    ['parentbased_always_off', false],
  ] as const) {
    const sampler = createSampler(name, undefined);
    assert.equal(sampler.shouldSample(undefined, ID), root);
    for (const remote of [true, false]) {
      assert.equal(sampler.shouldSample(parent(1, 'decided', remote), ID), true);
      assert.equal(sampler.shouldSample(parent(3, 'decided', remote), ID), true);
      assert.equal(sampler.shouldSample(parent(0, 'decided', remote), ID), false);
      assert.equal(
        sampler.shouldSample(parent(2, 'decided', remote), ID),
        false,
        'the random flag is not the sampled flag',
      );
    }
    assert.equal(sampler.shouldSample(parent(0, 'deferred'), ID), root, 'deferred: we decide');
    assert.equal(sampler.shouldSample(decisionOnly(false, false), ID), false);
    assert.equal(sampler.shouldSample(decisionOnly(true, false), ID), true);
  }
});

test('the ratio chooses the same traces as OpenTelemetry JS', () => {
  for (const ratio of [0, 0.000001, 0.1, 0.25, 0.5, 0.999, 1]) {
    const ours = createSampler('traceidratio', String(ratio));
    const theirs = new TraceIdRatioBasedSampler(ratio);
    for (let index = 0; index < 3000; index += 1) {
      const id = newTraceId();
      assert.equal(
        ours.shouldSample(undefined, id),
        theirs.shouldSample(ROOT_CONTEXT, id).decision === 2,
        `${ratio} ${id}`,
      );
    }
  }
});

test('the bound of a ratio: the last ID that is chosen and the first that is not', () => {
  const sampler = createSampler('traceidratio', '0.5');
  const bound = Math.floor(0.5 * 0xffffffff);
  const withFold = (fold: number): string => `${'0'.repeat(24)}${fold.toString(16).padStart(8, '0')}`;
  assert.equal(sampler.shouldSample(undefined, withFold(bound - 1)), true);
  assert.equal(sampler.shouldSample(undefined, withFold(bound)), false);
  assert.equal(createSampler('traceidratio', '1').shouldSample(undefined, withFold(0xffffffff)), true);
  assert.equal(createSampler('traceidratio', '0').shouldSample(undefined, withFold(1)), false);
  assert.equal(createSampler('traceidratio', undefined).shouldSample(undefined, 'f'.repeat(32)), true, 'default 1');
});

test('about the asked share of random traces', () => {
  const sampler = createSampler('parentbased_traceidratio', '0.25');
  let chosen = 0;
  for (let index = 0; index < 20_000; index += 1) chosen += sampler.shouldSample(undefined, newTraceId()) ? 1 : 0;
  // Six standard deviations: fails once in half a billion runs.
  assert.ok(Math.abs(chosen - 5000) < 6 * Math.sqrt(20_000 * 0.25 * 0.75), String(chosen));
  assert.equal(sampler.shouldSample(parent(1), 'f'.repeat(32)), true);
  assert.equal(sampler.shouldSample(parent(0), `${'0'.repeat(31)}1`), false);
});

test('a wrong name or ratio says what was got, wanted and what to do', () => {
  assert.throws(
    () => createSampler('sometimes', undefined),
    /got "sometimes".+wanted one of always_on.+; correct OTEL_TRACES_SAMPLER/,
  );
  for (const ratio of ['x', '-0.1', '1.1', 'NaN', 'Infinity']) {
    assert.throws(
      () => createSampler('traceidratio', ratio),
      /got ".+" as sampling ratio, wanted a number from 0 to 1; correct/,
      ratio,
    );
  }
  for (const name of SAMPLER_NAMES) assert.notEqual(createSampler(name, '').toString(), '');
});
