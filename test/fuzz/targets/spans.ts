/** Spans that an app fills by the OpenTelemetry API, in every encoding that leaves. */
import assert from 'node:assert/strict';
import type { Attributes, Link, Span, SpanContext } from '@opentelemetry/api';
import { encodeTraces, mergeSpans, type ResourceSpans } from '../../../lib/codec/otlp.ts';
import { createOtlpSpanEncoder } from '../../../lib/codec/otlp-span.ts';
import { createZipkinEncoder } from '../../../lib/codec/zipkin-v2.ts';
import { createRedactor } from '../../../lib/logs/redact.ts';
import { type SpanData, SpanKind } from '../../../lib/model/span.ts';
import { readZipkinSpans } from '../../../lib/stack/ingest/zipkin-spans.ts';
import { decodeOtlp } from '../../../lib/testing/otlp-decode.ts';
import { createEngine } from '../../../lib/traces/engine.ts';
import { redactSpan } from '../../../lib/traces/redacted-span.ts';
import { createSampler } from '../../../lib/traces/sampler.ts';
import { RESOURCE } from '../../metrics/fixtures.ts';
import type { FuzzTarget } from '../harness.ts';
import { hexDigits, hostileName, hostileText } from '../hostile-text.ts';
import { hostileError, hostileRecord, hostileValue, secretText } from '../hostile-value.ts';
import { assertNoCanary, assertUnpolluted, strictJson } from '../oracles.ts';
import type { Random } from '../random.ts';

const zipkin = createZipkinEncoder(RESOURCE);
const otlp = createOtlpSpanEncoder(RESOURCE);
const redactor = createRedactor(undefined);
const ended: SpanData[] = [];
const KINDS = Object.values(SpanKind);

/** Names and keys are taken as they are: what is a text there holds no canary. */
function notText(random: Random): string | undefined {
  const value = random.oneIn(5) ? hostileValue(random, 1) : undefined;
  return typeof value === 'string' || typeof value === 'object' ? undefined : (value as string | undefined);
}

function time(random: Random): unknown {
  return random.pick([
    undefined,
    0,
    -1,
    Number.NaN,
    Infinity,
    1e300,
    new Date(Number.NaN),
    new Date(),
    [1, 2],
    [Number.NaN, 1],
    [1e30, -1],
    'now',
    {},
    null,
  ]);
}

function spanContext(random: Random): SpanContext {
  return {
    traceId: (random.oneIn(6) ? hostileValue(random, 1) : hexDigits(random, 32)) as string,
    spanId: (random.oneIn(6) ? hostileValue(random, 1) : hexDigits(random, 16)) as string,
    traceFlags: (random.oneIn(6) ? hostileValue(random, 0) : 1) as number,
  };
}

function fill(random: Random, span: Span): void {
  for (let left = random.size(40); left > 0; left -= 1) {
    const kind = random.below(10);
    if (kind === 0) span.setAttributes(hostileError(random) as Attributes);
    else if (kind === 1) span.setAttributes(hostileRecord(random) as Attributes);
    else if (kind === 2) span.addEvent(hostileName(random), hostileValue(random) as Attributes, time(random) as number);
    else if (kind === 3)
      span.addLink({
        context: random.oneIn(8) ? (hostileValue(random, 1) as SpanContext) : spanContext(random),
        attributes: hostileRecord(random, 1) as Attributes,
      });
    else if (kind === 4)
      span.setStatus({
        code: random.pick([0, 1, 2, 7, Number.NaN]) as 1,
        message: random.oneIn(2) ? secretText(random) : (hostileValue(random, 1) as string),
      });
    else if (kind === 5) span.recordException(hostileError(random) as Error, time(random) as number);
    else if (kind === 6) span.updateName(hostileText(random));
    else
      span.setAttribute(
        notText(random) ?? hostileName(random),
        (random.oneIn(4) ? secretText(random) : hostileValue(random)) as string,
      );
  }
}

function check(data: SpanData): number {
  assert.match(data.traceId, /^(?!0{32})[0-9a-f]{32}$/);
  assert.match(data.spanId, /^(?!0{16})[0-9a-f]{16}$/);
  assert.ok(Number.isSafeInteger(data.durationMicros) && data.durationMicros >= 1, `duration ${data.durationMicros}`);
  const span = redactSpan(data, redactor);
  const text = zipkin(span);
  strictJson(text);
  assertNoCanary(text, 'a Zipkin span');
  const [read] = readZipkinSpans(`[${text}]`);
  assert.equal(read?.traceId, data.traceId);
  assert.ok((read?.duration ?? 0) >= 1);
  const json = otlp(span);
  const resource = strictJson(json) as ResourceSpans;
  assertNoCanary(json, 'an OTLP span');
  const bytes = encodeTraces(mergeSpans([resource]));
  const decoded = decodeOtlp('TracesData', bytes) as { resourceSpans: ResourceSpans[] };
  const [there] = decoded.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  const [here] = resource.scopeSpans[0]?.spans ?? [];
  assert.equal(there?.traceId, data.traceId);
  // A lone surrogate has no UTF-8 form.
  assert.equal(there?.name ?? '', here?.name.toWellFormed());
  assert.equal(there?.attributes?.length ?? 0, here?.attributes?.length ?? 0);
  return text.length + json.length * 2;
}

export const SPANS: FuzzTarget = {
  name: 'spans',
  shortCases: 150,
  run(random) {
    ended.length = 0;
    const engine = createEngine({
      sampler: createSampler('always_on', undefined),
      limits: random.oneIn(3)
        ? {
            attributeCountLimit: random.size(130),
            eventCountLimit: random.size(10),
            attributeValueLengthLimit: random.size(300),
          }
        : {},
      onEnd: (span) => void ended.push(span),
    });
    const started = random.between(1, 3);
    for (let left = started; left > 0; left -= 1) {
      const tracer = engine.provider.getTracer(hostileName(random), hostileName(random));
      const span = tracer.startSpan(notText(random) ?? hostileText(random), {
        kind: random.pick([...KINDS, 9 as SpanKind, Number.NaN as SpanKind]),
        root: random.oneIn(2),
        attributes: hostileRecord(random, 2) as Attributes,
        links: (random.oneIn(5) ? hostileValue(random, 2) : [{ context: spanContext(random) }]) as Link[],
        startTime: time(random) as number,
      });
      fill(random, span);
      span.end(time(random) as number);
      fill(random, span);
      span.end();
    }
    assert.equal(ended.length, started, 'every span ends once');
    const size = ended.reduce((all, span) => all + check(span), 0);
    assertUnpolluted();
    return size;
  },
};
