/** Inbound trace, baggage and correlation headers: what is taken from them, and what is sent on. */
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { parseBaggage } from '../../../lib/context/baggage.ts';
import { ROOT } from '../../../lib/context/context.ts';
import { correlationIdOf } from '../../../lib/context/correlation.ts';
import { pickCorrelationId } from '../../../lib/context/correlation-id.ts';
import { extract, inject, type PropagationFormat, parentOf } from '../../../lib/context/propagation.ts';
import { SightlinePropagator } from '../../../lib/context/propagator.ts';
import type { FuzzTarget } from '../harness.ts';
import { hexDigits, hostileName, hostileText, mutate, plainText } from '../hostile-text.ts';
import { hostileValue } from '../hostile-value.ts';
import { assertHeader } from '../oracles.ts';
import type { Random } from '../random.ts';

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const ACCEPTED_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;
const FORMATS: readonly (readonly PropagationFormat[])[] = [
  ['tracecontext', 'baggage', 'b3'],
  ['b3multi'],
  ['baggage', 'b3multi', 'tracecontext', 'b3'],
  ['b3'],
  ['none'],
  [],
];
const CORRELATION = ['x-correlation-id', 'x-request-id'];
const NAMES = [
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  ...CORRELATION,
];

function valid(random: Random, name: string): string {
  const member = (): string => `${plainText(random)}=${plainText(random)}`;
  if (name === 'traceparent')
    return `${random.oneIn(5) ? hexDigits(random, 2) : '00'}-${hexDigits(random, 32)}-${hexDigits(random, 16)}-${hexDigits(random, 2)}`;
  if (name === 'tracestate')
    return random
      .times(random.size(40), () => `${random.oneIn(4) ? `${plainText(random)}@` : ''}${member()}`)
      .join(random.pick([',', ' , ', ',,']));
  if (name === 'baggage')
    return random.times(random.size(200), () => `${member()}${random.oneIn(3) ? `;${member()};p` : ''}`).join(',');
  if (name === 'b3')
    return random.pick([
      `${hexDigits(random, 32)}-${hexDigits(random, 16)}-${random.pick(['0', '1', 'd', '2'])}-${hexDigits(random, 16)}`,
      `${hexDigits(random, 16)}-${hexDigits(random, 16)}`,
      random.pick(['0', '1', 'd']),
    ]);
  if (name === 'x-b3-sampled' || name === 'x-b3-flags') return random.pick(['0', '1', 'd', 'true', 'false', '']);
  if (name.startsWith('x-b3')) return hexDigits(random, name === 'x-b3-traceid' && random.oneIn(2) ? 32 : 16);
  return plainText(random, 140);
}

function value(random: Random, name: string): string | string[] {
  const one = (): string =>
    random.oneIn(4) ? hostileText(random) : random.oneIn(3) ? valid(random, name) : mutate(random, valid(random, name));
  return random.oneIn(10) ? random.times(random.size(5), one) : one();
}

function sent(headers: IncomingHttpHeaders, formats: readonly PropagationFormat[]): Record<string, string> {
  const inbound = extract(headers, formats);
  const out: Record<string, string> = {};
  inject(formats, inbound?.spanContext, inbound?.baggage, (name, text) => {
    assert.ok(!Object.hasOwn(out, name), `${name} twice`);
    assertHeader(name, text);
    out[name] = text;
  });
  if (inbound?.spanContext !== undefined) {
    assert.match(inbound.spanContext.traceId, TRACE_ID);
    assert.match(inbound.spanContext.spanId, SPAN_ID);
  }
  assert.ok(parentOf(inbound) === undefined || typeof parentOf(inbound)?.traceFlags === 'number');
  assert.ok((out['tracestate'] ?? '').length <= 512, 'tracestate is bounded');
  assert.ok((out['baggage'] ?? '').length <= 8192, 'baggage is bounded');
  return out;
}

/** What is sent on says the same to the next hop. A deferred decision cannot be said in a `traceparent`: it is made there. */
function assertStable(headers: IncomingHttpHeaders, formats: readonly PropagationFormat[]): void {
  const once = sent(headers, formats);
  const twice = sent(once, formats);
  for (const name of ['traceparent', 'tracestate', 'baggage', 'x-b3-traceid', 'x-b3-spanid'])
    assert.equal(twice[name], once[name], `the next hop sends another ${name}`);
  assert.deepEqual(sent(twice, formats), twice, 'the hop after it sends something else');
}

function viaPropagator(random: Random, headers: Record<string, unknown>): void {
  const propagator = new SightlinePropagator({ onRejected: () => {} });
  const throws = random.oneIn(10);
  const getter = {
    keys: (carrier: object) => Object.keys(carrier),
    get(carrier: object, key: string): never {
      if (throws) throw new Error('a getter of somebody');
      return (carrier as Record<string, never>)[key] as never;
    },
  };
  const context = propagator.extract(ROOT, headers, getter);
  const out: Record<string, string> = {};
  propagator.inject(context, out, {
    set(carrier, key, text) {
      if (throws) throw new Error('a setter of somebody');
      (carrier as Record<string, string>)[key] = text;
    },
  });
  for (const [name, text] of Object.entries(out)) assertHeader(name, text);
  const id = correlationIdOf(context as never);
  if (id !== undefined) assert.match(id, ACCEPTED_ID);
}

export const HEADERS: FuzzTarget = {
  name: 'headers',
  shortCases: 1500,
  run(random) {
    const headers: Record<string, string | string[]> = {};
    let size = 0;
    for (const name of NAMES) {
      if (random.oneIn(3)) continue;
      headers[name] = value(random, name);
      size += String(headers[name]).length;
    }
    const formats = random.pick(FORMATS);
    assertStable(headers as IncomingHttpHeaders, formats);

    const picked = pickCorrelationId(headers as IncomingHttpHeaders, CORRELATION);
    if (picked.id !== undefined) assert.match(picked.id, ACCEPTED_ID);
    const given = CORRELATION.filter((name) => headers[name] !== undefined);
    assert.equal(picked.id !== undefined || picked.rejected, given.length > 0, 'an ID is taken or rejected');

    const baggage = parseBaggage(String(headers['baggage'] ?? ''))?.setEntry(hostileName(random), {
      value: hostileValue(random, 0) as string,
    });
    if (baggage !== undefined && baggage.serialize() !== '') assertHeader('baggage', baggage.serialize());
    viaPropagator(random, {
      ...headers,
      ...(random.oneIn(4) && { traceparent: hostileValue(random, 2), b3: hostileValue(random, 2) }),
    });
    return size;
  },
};
