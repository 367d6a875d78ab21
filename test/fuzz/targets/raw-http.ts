/**
 * Bytes as no client library would send them, to one app alone and to the same app under the one line: both answer the
 * same, but for what is ours.
 */
import assert from 'node:assert/strict';
import { ECHO_APP } from '../../e2e-hostile/echo-app.ts';
import { converse, valuesOf, withoutOurs } from '../../e2e-hostile/raw.ts';
import { type Child, startChild } from '../../support/child.ts';
import { createProject } from '../../support/project.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import type { FuzzTarget } from '../harness.ts';
import { hexDigits, hostileText, mutate, plainText } from '../hostile-text.ts';
import type { Random } from '../random.ts';

const ACCEPTED_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;
/** A child that lives longer than any fuzzing. */
const LIFE_MILLIS = 24 * 3_600_000;

interface Pair {
  readonly receiver: Receiver;
  readonly children: readonly [Child, Child];
  readonly ports: readonly [number, number];
}

/** Other targets may keep this process, and its receiver with it, busy for longer than a request waits. */
const ABOUT_RECEIVER = /^sightline: (?:logs|traces): \S+ (?:does not take them|takes them again).*\n/gm;
/** Conversations before two answers count as different. */
const MORE_TRIES = 20;

let pair: Promise<Pair> | undefined;

async function start(): Promise<Pair> {
  const receiver = await startReceiver();
  const cwd = createProject({ name: 'echo-service', files: { 'app.cjs': ECHO_APP } });
  const child = (args: readonly string[], env: Record<string, string>): Child =>
    startChild({ cwd, args, env, timeoutMillis: LIFE_MILLIS });
  const children = [
    child(['app.cjs'], {}),
    child(['--import', 'sightline/register', 'app.cjs'], {
      ...receiver.environment,
      SIGHTLINE_METRICS: 'prometheus,statsd',
      SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
      SIGHTLINE_JOURNAL_MAX: '8mb',
    }),
  ] as const;
  const [one, two] = await Promise.all(children.map((each) => each.line(/listening (\d+)/)));
  return { receiver, children, ports: [Number(one?.[1]), Number(two?.[1])] };
}

/** As bytes: one a character, the line ends among them only where they are meant. */
function latin1(random: Random, most: number): string {
  return hostileText(random, most).replace(/[\r\n\0]/g, random.oneIn(20) ? '\n' : ' ');
}

function header(random: Random): string {
  switch (random.below(14)) {
    case 0:
      return `traceparent: 00-${hexDigits(random, 32)}-${hexDigits(random, 16)}-${hexDigits(random, 2)}`;
    case 1:
      return `tracestate: ${latin1(random, 600)}`;
    case 2:
      return `b3: ${mutate(random, `${hexDigits(random, 32)}-${hexDigits(random, 16)}-1`)}`;
    case 3:
      return `X-B3-${random.pick(['TraceId', 'SpanId', 'Sampled', 'Flags'])}: ${random.oneIn(2) ? hexDigits(random, 16) : latin1(random, 50)}`;
    case 4:
      return `baggage: ${random.oneIn(2) ? `a=${plainText(random)};p,b=1` : latin1(random, 500)}`;
    case 5:
    case 6:
      return `${random.pick(['x-correlation-id', 'X-Request-ID'])}: ${random.oneIn(2) ? plainText(random, 140) : latin1(random, 300)}`;
    case 7:
      return `host: ${latin1(random, 300)}`;
    case 8:
      return `content-length: ${random.pick(['0', '3', '+3', '-1', '3, 3', '03', '0x3', '1e1', '99999999999999999999', '', ' ', plainText(random)])}`;
    case 9:
      return `transfer-encoding: ${random.pick(['chunked', 'Chunked', 'gzip, chunked', 'chunked, chunked', 'identity', 'x', ''])}`;
    case 10:
      return `expect: ${random.pick(['100-continue', '200-ok', ''])}`;
    case 11:
      return `connection: ${random.pick(['close', 'keep-alive', 'upgrade', 'x-correlation-id', ''])}`;
    case 12:
      return `${random.oneIn(2) ? plainText(random) : latin1(random, 60)}: ${latin1(random, 300)}`;
    default:
      return latin1(random, 200);
  }
}

function request(random: Random): string {
  const method = random.pick(['GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE', 'BREW', 'get', 'CONNECT', '']);
  const target = random.oneIn(4)
    ? latin1(random, 3000).replaceAll('/stop', '/x')
    : random.pick(['/', '/orders/7?a=b', '*', 'http://other/a', '//', '/%00', '/a b']);
  const version = random.oneIn(10) ? random.pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/1.1 x', '']) : 'HTTP/1.1';
  const lines = random.times(random.size(30), () => header(random));
  if (!random.oneIn(8)) lines.unshift('host: shop');
  const end = random.oneIn(20) ? '\n' : '\r\n';
  const body = random.oneIn(3)
    ? random.pick([
        'abc',
        '3\r\nabc\r\n0\r\n\r\n',
        'zz\r\n',
        '0\r\nx-correlation-id: t\r\n\r\n',
        hostileText(random, 200),
      ])
    : '';
  return [`${method} ${target} ${version}`, ...lines, '', body].join(end);
}

/** Everything at once, or in pieces as a network may bring them. */
function chunksOf(random: Random, bytes: Buffer): Buffer[] {
  if (!random.oneIn(3) || bytes.length < 2) return [bytes];
  const at = random.between(1, bytes.length - 1);
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/**
 * Whether Node has answered a first request when it reads a broken one behind it is a matter of chance: then both apps have
 * several answers, and share them.
 */
async function assertAlikeAtTimes(
  ask: () => Promise<string[]>,
  { bare, observed, text }: { bare: string; observed: string; text: string },
): Promise<void> {
  const bares = new Set([withoutOurs(bare)]);
  const observeds = new Set([withoutOurs(observed)]);
  for (let left = MORE_TRIES; left > 0; left -= 1) {
    const [one = '', two = ''] = await ask();
    bares.add(withoutOurs(one));
    observeds.add(withoutOurs(two));
    if ([...bares].some((answer) => observeds.has(answer))) return;
  }
  assert.equal(withoutOurs(observed), withoutOurs(bare), `for ${JSON.stringify(text.slice(0, 2000))}`);
}

export const RAW_HTTP: FuzzTarget = {
  name: 'raw-http',
  shortCases: 60,
  async run(random) {
    pair ??= start();
    const { ports, children, receiver } = await pair;
    // Pipelined ones as well; a last one that closes, so that the end of the conversation is not a time-out.
    let text = random.times(random.between(1, 3), () => request(random)).join('');
    if (random.oneIn(3)) text = mutate(random, text);
    text = text.replaceAll('/stop', '/x');
    const chunks = chunksOf(random, Buffer.from(text, 'latin1'));
    const ask = (): Promise<string[]> => Promise.all(ports.map((port) => converse({ port, chunks, after: 'half' })));
    const [bare = '', observed = ''] = await ask();
    for (const id of valuesOf(observed, 'x-correlation-id')) assert.match(id, ACCEPTED_ID);
    if (withoutOurs(observed) !== withoutOurs(bare)) await assertAlikeAtTimes(ask, { bare, observed, text });
    assert.equal(
      children[1].stderr().replace(ABOUT_RECEIVER, ''),
      children[0].stderr(),
      'the observer has said something',
    );
    // What came is of no interest here, and a long run has much of it.
    (receiver.spans as unknown[]).length = 0;
    (receiver.documents as unknown[]).length = 0;
    (receiver.statsd as unknown[]).length = 0;
    (receiver.requests as unknown[]).length = 0;
    return undefined;
  },
  async close() {
    if (pair === undefined) return;
    const { children, receiver } = await pair;
    pair = undefined;
    for (const child of children) await child.stop('SIGKILL');
    await receiver.close();
  },
};
