/** Environment variables of any content: every mistake is reported with its code, nothing throws. */
import assert from 'node:assert/strict';
import { OPTIONS, type OptionName, readOptions } from '../../../lib/bootstrap/options.ts';
import { createResource } from '../../../lib/bootstrap/resource.ts';
import { createSettings } from '../../../lib/bootstrap/settings.ts';
import { createHostPolicy } from '../../../lib/context/hosts.ts';
import { createRedactor } from '../../../lib/logs/redact.ts';
import { parseKeepPolicy } from '../../../lib/traces/keep.ts';
import { createSampler } from '../../../lib/traces/sampler.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileText, mutate, plainText } from '../hostile-text.ts';
import { CANARY, hostileValue } from '../hostile-value.ts';
import { assertNoCanary, assertUnpolluted } from '../oracles.ts';
import type { Random } from '../random.ts';

/** Values that some option takes; mutated they are nearly right for it and wrong for the others. */
const VALUES = [
  'true',
  'http://127.0.0.1:4380/',
  'https://user:pass@es.example:9200/path?x=1',
  'udp://localhost:8125',
  'unix:///run/statsd.sock',
  'tcp://[::1]:9125',
  'tls://logstash:5000',
  'a=b,c=d%2Ce',
  'prometheus,statsd,push',
  'tracecontext,baggage,b3multi',
  'errors,slow:1s',
  '512mb',
  '24h',
  '9470',
  'off',
  '0.5',
  'x-correlation-id,X-Request-Id',
  '*,!evil.example',
  'grpc',
  'http/json',
  'gzip',
  'none',
];

export function hostileEnvironment(random: Random): Record<string, string> {
  const env: Record<string, string> = {};
  for (const option of Object.values(OPTIONS)) {
    if (!random.oneIn(4)) continue;
    const text = random.oneIn(3) ? hostileText(random, 2000) : mutate(random, random.pick(VALUES));
    env[option.env] = option.secret === true && random.oneIn(2) ? CANARY + text : text;
  }
  return env;
}

/** What the composition root does with what was given, before anything is opened. */
function settle(env: Record<string, string>): void {
  const { given } = readOptions({}, env);
  const resource = createResource(given, env);
  const settings = createSettings(given, resource, env);
  assertNoCanary(settings.off.join('\n'), 'a line about a signal that is off');
  createHostPolicy({ propagate: given.propagateHosts, baggage: given.baggageHosts }).propagate('shop');
  createRedactor(given.redact).text('password=x');
  createSampler(given.tracesSampler ?? 'always_on', given.tracesSamplerArg);
  if (given.tracesKeep !== undefined) parseKeepPolicy(given.tracesKeep);
  for (const address of [settings.zipkinUrl, settings.statsdUrl, settings.pushUrl, settings.otlpTraces?.url]) {
    if (address !== undefined) assert.ok(URL.canParse(address), `no URL: ${address.slice(0, 200)}`);
  }
}

export const OPTIONS_TARGET: FuzzTarget = {
  name: 'options',
  shortCases: 300,
  run(random) {
    const env = hostileEnvironment(random);
    const { mistakes } = readOptions({}, env);
    assertNoCanary(mistakes.join('\n'), 'a mistake');
    // Each option by itself has the same mistakes as all of them together: none hides another.
    const alone = Object.values(OPTIONS).flatMap(({ env: name }) =>
      env[name] === undefined ? [] : readOptions({}, { [name]: env[name] }).mistakes,
    );
    assert.deepEqual(new Set(mistakes), new Set(alone));
    for (const mistake of mistakes) {
      assert.match(mistake, /^[A-Z_]+: got .*, wanted .*; correct or unset it$/s);
      assert.ok(!/[\n\r\0]/.test(mistake), `a line end in ${JSON.stringify(mistake)}`);
      assert.ok(mistake.length < 4000, `a mistake of ${mistake.length} characters`);
    }
    if (mistakes.length > 0)
      for (const name of Object.keys(env))
        if (mistakes.some((mistake) => mistake.startsWith(`${name}:`))) delete env[name];
    assert.deepEqual(readOptions({}, env).mistakes, [], 'without the wrong ones the rest is taken');
    settle(env);
    const code = Object.fromEntries(
      (Object.keys(OPTIONS) as OptionName[])
        .filter(() => random.oneIn(6))
        .map((name) => [name, random.oneIn(2) ? plainText(random) : hostileValue(random, 2)]),
    );
    readOptions(code as never, env);
    assertUnpolluted();
    return Object.values(env).join('').length * 8;
  },
};
