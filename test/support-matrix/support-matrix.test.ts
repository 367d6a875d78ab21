/** Every cell of docs/support.md, on the Node that runs the tests. All Nodes: `npm run support`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { NODE_OWN } from '../support/nodes.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { measure } from './measure.ts';
import { type NextHop, startNextHop } from './next-hop.ts';
import { claimed, ORDERED } from './page.ts';
import { missingFor } from './program.ts';

/** How long a claim may take to come true, milliseconds: only spent on failure. */
const PATIENCE_MILLIS = 30_000;

const page = readFileSync(new URL('../../docs/support.md', import.meta.url), 'utf8');

suite('docs/support.md', { concurrency: 4 }, () => {
  let receiver: Receiver;
  let next: NextHop;
  before(async () => {
    [receiver, next] = await Promise.all([startReceiver(), startNextHop()]);
  });
  after(async () => {
    next.close();
    await receiver.close();
  });

  for (const row of ORDERED) {
    test(`${row.name} (${row.loaded}) of ${row.folder ?? 'this repository'}`, { skip: missingFor(row) }, async () => {
      const claim = claimed(page, row, NODE_OWN.version);
      assert.ok(claim, 'docs/support.md has no such row; npm run support writes it');
      const cells = await measure(row, NODE_OWN, {
        receiver,
        next,
        isEnough: (now) => isDeepStrictEqual(now, claim),
        patienceMillis: PATIENCE_MILLIS,
        compare: false,
      });
      assert.deepEqual(cells, claim);
    });
  }
});
