import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionOnly, TraceSpanContext } from '../../lib/context/span-context.ts';
import { newTraceId } from '../../lib/core/ids.ts';
import { type SpanData, SpanKind } from '../../lib/model/span.ts';
import { createEngine } from '../../lib/traces/engine.ts';
import { parseKeepPolicy } from '../../lib/traces/keep.ts';
import { MAX_ROUTE_RULES, parseRouteRules, ruleFor } from '../../lib/traces/route-rules.ts';
import { createSampler } from '../../lib/traces/sampler.ts';

/** Pattern, paths that fall under it, paths that do not. */
const PATTERNS: [pattern: string, taken: string[], left: string[]][] = [
  [
    '/orders/:id',
    ['/orders/7', '/orders/7/', '/Orders/a%20b'],
    ['/orders', '/orders/', '/orders/7/items', '/x/orders/7'],
  ],
  ['/orders/{id}/items', ['/orders/7/items'], ['/orders/7', '/orders//items']],
  ['/a.b/c+d', ['/a.b/c+d'], ['/axb/c+d', '/a.b/ccd']],
  ['/*/x', ['/a/x'], ['/x', '/a/b/x']],
  ['/internal/*', ['/internal/', '/internal/a/b'], ['/internal', '/internals']],
  ['/files/*rest', ['/files/a/b'], ['/files']],
  ['/files/{path*}', ['/files/a/b'], ['/files']],
  ['/static*', ['/static', '/static/a', '/staticfoo'], ['/stati']],
  ['/', ['/'], ['/a']],
  ['/a/', ['/a', '/a/'], ['/a/b']],
  ['*', ['/', '/a/b'], ['*']],
];

for (const [pattern, taken, left] of PATTERNS) {
  test(`${pattern} takes ${taken.join(' ')}, not ${left.join(' ')}`, () => {
    const rules = parseRouteRules(`${pattern}=0.5`);
    const falls = (path: string) => ruleFor(rules, { method: 'GET', path }) !== undefined;
    assert.deepEqual(taken.filter(falls), taken);
    assert.deepEqual(left.filter(falls), []);
  });
}

test('methods, shares, order; a rule as observe() spells it', () => {
  const rules = parseRouteRules(' post /a = 1 ,/a=.25,, GET%20%2Fb%2F%3Aid=0 ');
  assert.deepEqual(
    rules.map(({ method, pattern, ratio }) => [method, pattern, ratio]),
    [
      ['POST', '/a', 1],
      [undefined, '/a', 0.25],
      ['GET', '/b/:id', 0],
    ],
  );
  assert.equal(ruleFor(rules, { method: 'POST', path: '/a' }), rules[0]);
  assert.equal(ruleFor(rules, { method: 'GET', path: '/a' }), rules[1]);
  assert.equal(ruleFor(rules, { method: '_OTHER', path: '/a' }), rules[1]);
  assert.equal(ruleFor(rules, { method: 'POST', path: '/b/1' }), undefined);
  assert.deepEqual(parseRouteRules(''), []);
});

test('what is no rule is said, and that there are too many', () => {
  const wrong = [
    '/a',
    '/a=',
    '/a=2',
    '/a=-1',
    '/a=x',
    'a=1',
    'GTE /a=1',
    '/a(b)=1',
    '/a/:id?=1',
    '/:id(\\d+)=1',
    '/a/*/:x?=0',
    '/:a-:b=1',
  ];
  for (const text of wrong)
    assert.throws(() => parseRouteRules(text), /^Error: wanted rules such as .+, ".*" is none$/, text);
  const many = (count: number) => Array.from({ length: count }, (_, index) => `/${index}=0`).join();
  assert.equal(parseRouteRules(many(MAX_ROUTE_RULES)).length, MAX_ROUTE_RULES);
  assert.throws(() => parseRouteRules(many(MAX_ROUTE_RULES + 1)), /at most 100 rules/);
});

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const remote = (traceFlags: number, sampling: 'decided' | 'deferred' = 'decided') =>
  new TraceSpanContext({ traceId: ID, spanId: '00f067aa0ba902b7', traceFlags, isRemote: true, sampling });
const DROPPED = { method: 'GET', path: '/no' };
const KEPT = { method: 'GET', path: '/yes' };
const FREE = { method: 'GET', path: '/free' };

test('parent-based samplers follow the caller; the rule decides where they would', () => {
  const sampler = createSampler('parentbased_always_on', undefined, parseRouteRules('/no=0'));
  assert.equal(sampler.shouldSample(undefined, ID, DROPPED), false);
  assert.equal(sampler.shouldSample(undefined, ID, FREE), true);
  assert.equal(sampler.shouldSample(remote(1), ID, DROPPED), true);
  assert.equal(sampler.shouldSample(remote(0, 'deferred'), ID, DROPPED), false);
  assert.equal(sampler.shouldSample(decisionOnly(true, false), ID, DROPPED), true);
  const off = createSampler('parentbased_always_off', undefined, parseRouteRules('/yes=1'));
  assert.equal(off.shouldSample(undefined, ID, KEPT), true);
  assert.equal(off.shouldSample(remote(0), ID, KEPT), false);
  assert.match(off.toString(), /^ParentBased\{root=ByRoute\{\/yes=1,else=AlwaysOffSampler\}\}$/);
});

test('the others decide by the rule whatever the caller says', () => {
  const sampler = createSampler('always_on', undefined, parseRouteRules('/no=0'));
  assert.equal(sampler.shouldSample(remote(1), ID, DROPPED), false);
  assert.equal(sampler.shouldSample(remote(0), ID, FREE), true);
});

test('a share chooses the same traces as a ratio sampler', () => {
  const sampler = createSampler('parentbased_always_off', undefined, parseRouteRules('/yes=0.3'));
  const ratio = createSampler('traceidratio', '0.3');
  for (let index = 0; index < 2000; index += 1) {
    const id = newTraceId();
    assert.equal(sampler.shouldSample(undefined, id, KEPT), ratio.shouldSample(undefined, id));
  }
});

for (const name of ['always_on', 'always_off', 'parentbased_always_on', 'parentbased_always_off', 'traceidratio']) {
  test(`${name}: the part of a trace in this process is whole or absent, and the flag says which`, () => {
    const spans: SpanData[] = [];
    const engine = createEngine({
      sampler: createSampler(name, undefined, parseRouteRules('/no=0,/yes=1')),
      onEnd: (span) => spans.push(span),
    });
    for (const [target, expected] of [
      [DROPPED, 0],
      [KEPT, 4],
    ] as const) {
      spans.length = 0;
      const root = engine.start('GET', SpanKind.SERVER, undefined, { target });
      const child = engine.start('call', SpanKind.CLIENT, root.spanContext());
      const below = engine.start('below', SpanKind.INTERNAL, child.spanContext());
      const deeper = engine.start('deeper', SpanKind.INTERNAL, below.spanContext());
      for (const span of [deeper, below, child, root]) {
        assert.equal(span.spanContext().traceFlags & 1, expected === 0 ? 0 : 1);
        span.end();
      }
      assert.equal(spans.length, expected);
    }
  });
}

test('failed and slow requests are kept under a rule as under a sampler', () => {
  const spans: SpanData[] = [];
  const engine = createEngine({
    sampler: createSampler('always_on', undefined, parseRouteRules('/no=0')),
    keep: parseKeepPolicy('errors'),
    onEnd: (span) => spans.push(span),
  });
  for (const failed of [false, true]) {
    const root = engine.start(`failed ${failed}`, SpanKind.SERVER, undefined, { target: DROPPED });
    engine.start('call', SpanKind.CLIENT, root.spanContext()).end();
    if (failed) root.setStatus({ code: 2 });
    assert.equal(root.spanContext().traceFlags & 1, 0, 'told downstream');
    root.end();
  }
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['call', 'failed true'],
  );
});

test('a pattern costs time linear in the path', () => {
  const rules = parseRouteRules(`${'/:a'.repeat(50)}/x=1`);
  assert.equal(ruleFor(rules, { method: 'GET', path: `${'/a'.repeat(1000)}` }), undefined);
});
