import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { active, ObservationContext, ROOT, runIn } from '../../lib/context/context.ts';
import { correlation, correlationIdOf } from '../../lib/context/correlation.ts';
import { NonRecordingSpan, SUPPRESSED_SPAN } from '../../lib/context/non-recording-span.ts';
import type { RequestScope } from '../../lib/context/request-scope.ts';
import { SightlineError } from '../../lib/errors.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = new NonRecordingSpan({ traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags: 1 });

test('outside everything there is no ID', () => {
  assert.equal(correlation.id(), undefined);
});

test('in a trace the trace ID serves; an invalid one does not', () => {
  assert.equal(
    runIn(ROOT.withSpan(span), () => correlation.id()),
    TRACE,
  );
  assert.equal(
    runIn(ROOT.withSpan(SUPPRESSED_SPAN), () => correlation.id()),
    undefined,
  );
});

test('in a request its ID serves, and run() goes before it', () => {
  const request = { correlationId: 'req-1' } as RequestScope;
  const context = new ObservationContext(span, undefined, undefined, request);
  assert.equal(correlationIdOf(context), 'req-1');
  assert.equal(
    runIn(context, () => correlation.run('job-2', () => correlation.id())),
    'job-2',
  );
  assert.equal(
    runIn(context, () => correlation.run('job-2', () => active().request)),
    request,
  );
});

test('run gives back what fn returns, passes on what it throws, and restores', () => {
  assert.equal(
    correlation.run('job-1', () => 42),
    42,
  );
  assert.throws(
    () =>
      correlation.run('job-1', () => {
        throw new RangeError('mine');
      }),
    RangeError,
  );
  assert.equal(correlation.id(), undefined);
});

test('the ID is there after timers, promises, microtasks and emitters', async () => {
  const emitter = new EventEmitter();
  const seen: (string | undefined)[] = [];
  await correlation.run('job-1', async () => {
    await delay(1);
    seen.push(correlation.id());
    await new Promise<void>((resolve) =>
      queueMicrotask(() => {
        seen.push(correlation.id());
        resolve();
      }),
    );
    await new Promise<void>((resolve) =>
      setImmediate(() => {
        seen.push(correlation.id());
        resolve();
      }),
    );
    emitter.once('done', () => seen.push(correlation.id()));
    emitter.emit('done');
    await Promise.all(
      ['a', 'b'].map((id) =>
        correlation.run(id, async () => {
          await delay(1);
          seen.push(correlation.id());
        }),
      ),
    );
    seen.push(correlation.id());
  });
  assert.deepEqual(seen, ['job-1', 'job-1', 'job-1', 'job-1', 'a', 'b', 'job-1']);
});

test('an ID that is not accepted: coded, says got, wanted and what to do, and fn is not run', () => {
  let ran = false;
  for (const id of ['', 'a b', 'a,b', 'x'.repeat(129), 'é', 'a\n', 7, undefined, null]) {
    assert.throws(
      () =>
        correlation.run(id as string, () => {
          ran = true;
        }),
      (error) => {
        assert.ok(error instanceof SightlineError);
        assert.equal(error.code, 'SIGHTLINE_E_CORRELATION_ID');
        assert.match(error.message, /got .+, wanted 1 to 128 characters .+; encode/);
        assert.ok(error.message.length < 400);
        return true;
      },
    );
  }
  assert.equal(ran, false);
  assert.equal(
    correlation.run('x'.repeat(128), () => correlation.id()),
    'x'.repeat(128),
  );
});
