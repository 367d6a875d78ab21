/** The whole local stack over HTTP: any path with any body is answered, never by an accident of ours. */
import assert from 'node:assert/strict';
import { runningStack } from '../../stack/running-stack.ts';
import { sampleRequest } from '../../stack/sample-request.ts';
import { send } from '../../support/load.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileJson, mutateJson } from '../hostile-json.ts';
import { hostileText, mutate, mutateBytes } from '../hostile-text.ts';
import type { Random } from '../random.ts';

const SAMPLE = sampleRequest(1_790_000_000_000_000);
const PATHS = [
  '/zipkin/api/v2/spans',
  '/zipkin/api/v2/traces?limit=5&lookback=1000&annotationQuery=error',
  '/zipkin/api/v2/trace/7f3a9c1e5b2d4086a1f0e3d92b77ac21',
  '/zipkin/api/v2/dependencies?endTs=5',
  '/elasticsearch/_bulk',
  '/elasticsearch/logs-shop-test/_search?q=a&size=1',
  '/elasticsearch/logs-shop-test/_doc/1',
  '/elasticsearch/_cat/indices?format=json',
  '/prometheus/api/v1/query?query=up',
  '/prometheus/api/v1/series?match[]=up',
  '/prometheus/api/v1/query_exemplars?query=up&start=1&end=2',
  '/prometheus/api/v1/label/job/values',
  '/pushgateway/metrics/job/shop/instance/a',
  '/api/sightline/correlation/cart%2F7f3a',
  '/',
];

let stack: Promise<Awaited<ReturnType<typeof runningStack>>> | undefined;

function body(random: Random): Buffer | undefined {
  switch (random.below(6)) {
    case 0:
      return undefined;
    case 1:
      return Buffer.from(JSON.stringify(mutateJson(random, SAMPLE.spans, 12)));
    case 2:
      return Buffer.from(
        `${random.pick(SAMPLE.documents.map((document) => `{"create":{"_index":"logs-shop-test"}}\n${JSON.stringify(mutateJson(random, document, 12))}`))}\n`,
      );
    case 3:
      return mutateBytes(random, Buffer.from('# TYPE a counter\na_total 1\n'));
    case 4:
      return Buffer.from(JSON.stringify({ query: hostileJson(random) }));
    default:
      return Buffer.from(hostileText(random, 5000));
  }
}

/** A path that `node:http` sends: no control characters, no blanks. */
function path(random: Random): string {
  const known = random.pick(PATHS);
  const text = random.oneIn(3)
    ? mutate(random, known)
    : random.oneIn(6)
      ? `${known}${encodeURIComponent(hostileText(random, 200).toWellFormed())}`
      : known;
  return `/${text.replace(/[^\x21-\x7e]/g, '%20').replace(/^\/+/, '')}`;
}

export const STACK_HTTP: FuzzTarget = {
  name: 'stack-http',
  shortCases: 60,
  async run(random) {
    stack ??= runningStack({ maxDiskBytes: 64 * 1024 ** 2 } as never);
    const { url, warnings } = await stack;
    const target = path(random);
    const given = body(random);
    const answer = await send(`${url}`, {
      path: target,
      method: given === undefined ? random.pick(['GET', 'HEAD', 'DELETE']) : random.pick(['POST', 'PUT']),
      headers: {
        ...(random.oneIn(4)
          ? {}
          : {
              'content-type': random.pick([
                'application/json',
                'application/x-ndjson',
                'text/plain',
                'application/x-protobuf',
              ]),
            }),
        ...(random.oneIn(8) && { 'content-encoding': random.pick(['gzip', 'deflate', 'br', 'x']) }),
      },
      ...(given !== undefined && { body: given as never }),
    });
    assert.ok(
      answer.status >= 200 && (answer.status < 500 || answer.status === 501 || answer.status === 503),
      `${answer.status} for ${target}: ${answer.body.slice(0, 1000)}`,
    );
    assert.deepEqual(warnings, []);
    return undefined;
  },
  async close() {
    if (stack === undefined) return;
    const running = await stack;
    stack = undefined;
    await running[Symbol.asyncDispose]();
  },
};
