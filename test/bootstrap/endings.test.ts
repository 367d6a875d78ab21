import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Child, type Ended, startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = join(root, 'test/fixtures/endings/app.cjs');
const ONE_LINE = ['--import', 'sightline/register'];

/** How the app is made to end, and whether the request that did it must be found as errored. */
interface Way {
  readonly way: string;
  readonly end: (child: Child, url: string) => Promise<void>;
  readonly fatal?: string;
}

const byRequest = async (_child: Child, url: string) => {
  await send(`${url}/end`, { headers: { 'x-correlation-id': 'the-last-one' } }).catch(() => undefined);
};
const bySignal = (signal: NodeJS.Signals) => async (child: Child) => child.kill(signal);

const WAYS: readonly Way[] = [
  { way: 'natural', end: byRequest },
  { way: 'exit', end: byRequest },
  { way: 'exit-code', end: byRequest },
  { way: 'throw', end: byRequest, fatal: 'thrown in a request' },
  { way: 'throw-later', end: byRequest, fatal: 'thrown later' },
  { way: 'reject', end: byRequest, fatal: 'rejected in a request' },
  { way: 'handled-throw', end: byRequest, fatal: 'handled' },
  { way: 'SIGTERM', end: bySignal('SIGTERM') },
  { way: 'SIGINT', end: bySignal('SIGINT') },
  { way: 'SIGHUP', end: bySignal('SIGHUP') },
  { way: 'graceful', end: bySignal('SIGTERM') },
  { way: 'signal-exit-like', end: bySignal('SIGTERM') },
  {
    way: 'ignores',
    async end(child) {
      child.kill('SIGINT');
      await child.line(/app ignores SIGINT/);
      child.kill('SIGTERM');
    },
  },
];

/** Ports, process IDs and times differ between two runs; everything else must not. */
function stable(output: string): string {
  return output
    .replace(/listening on \d+/, 'listening')
    .replaceAll(/"(?:time|pid)":\d+/g, '"n"')
    .replaceAll(/\n\s+at .*/g, '');
}

for (const node of [NODE_OLDEST, NODE_OWN]) {
  describe(`the end of a process, Node ${node.version}`, { skip: node.missing }, () => {
    let receiver: Receiver;
    let directory: string;
    before(async () => {
      receiver = await startReceiver();
      directory = mkdtempSync(join(tmpdir(), 'sightline-endings-'));
    });
    after(async () => {
      await receiver.close();
      rmSync(directory, { recursive: true, force: true });
    });

    async function run(way: Way, observed: boolean, service = way.way): Promise<Ended> {
      const child = startChild({
        node,
        args: [...(observed ? ONE_LINE : []), app, way.way],
        cwd: root,
        env: {
          ...receiver.environment,
          OTEL_SERVICE_NAME: service,
          SIGHTLINE_DATA_DIR: directory,
          SIGHTLINE_ADMIN_PORT: '0',
        },
      });
      const [, port] = await child.line(/listening on (\d+)/);
      const url = `http://127.0.0.1:${port}`;
      assert.equal((await send(url, { headers: { connection: 'close' } })).body, 'hello');
      await way.end(child, url);
      return child.ended;
    }

    for (const way of WAYS) {
      test(`${way.way}: same exit and output as without, and nothing is lost`, async () => {
        const bare = await run(way, false);
        const observed = await run(way, true);
        assert.deepEqual([observed.code, observed.signal], [bare.code, bare.signal]);
        assert.equal(stable(observed.stdout), stable(bare.stdout));
        assert.equal(stable(observed.stderr), stable(bare.stderr));

        const lines = () => receiver.documents.filter((document) => document['service.name'] === way.way);
        const spanIds = () =>
          new Set(receiver.spans.filter((span) => span.localEndpoint?.serviceName === way.way).map((span) => span.id));
        const said = () => lines().filter((document) => document['message'] === 'got a request').length;
        const fatals = () => lines().filter((document) => document['log.level'] === 'fatal').length;
        let requests = way.end === byRequest ? 2 : 1;
        const arrived = () =>
          said() >= requests && spanIds().size >= requests && (way.fatal === undefined || fatals() > 0);
        if (!arrived()) {
          // The process had to go before everything was acknowledged: the rest is on disk, and the next start of the
          // same service sends it.
          requests += 1;
          const end = async (child: Child) => {
            while (!arrived()) await delay(20);
            child.kill('SIGTERM');
          };
          await run({ way: 'next start', end }, true, way.way);
        }
        assert.equal(spanIds().size, requests);

        const documents = lines();
        const spans = receiver.spans.filter((span) => span.localEndpoint?.serviceName === way.way);
        assert.equal(documents.filter((document) => document.message === 'got a request').length, requests);
        if (way.fatal === undefined) return;
        const fatal = documents.filter((document) => document['error.message'] === way.fatal);
        assert.equal(fatal.length, 1, 'one line for the error');
        assert.equal(fatal[0]?.['log.level'], 'fatal');
        assert.equal(fatal[0]?.['correlation.id'], 'the-last-one');
        assert.ok(
          spans.some((span) => span.tags?.['correlation.id'] === 'the-last-one' && span.tags['error'] !== undefined),
        );
      });
    }
  });
}
