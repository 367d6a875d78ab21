/**
 * `npm run support [-- NAME…]`: measures the support matrix on every Node and writes docs/support.md. With names, only
 * the rows whose name has one of them are measured and printed, and nothing is written.
 */
import { writeFileSync } from 'node:fs';
import { NODES, type NodeRuntime } from '../test/support/nodes.ts';
import { startReceiver } from '../test/support/receiver.ts';
import { type Cells, NO, NOT_ASKED, YES } from '../test/support-matrix/cells.ts';
import { measure } from '../test/support-matrix/measure.ts';
import { startNextHop } from '../test/support-matrix/next-hop.ts';
import { ORDERED, type Result, supportPage } from '../test/support-matrix/page.ts';
import { missingFor } from '../test/support-matrix/program.ts';
import type { Row } from '../test/support-matrix/rows.ts';

/** Programs at a time: each is mostly waiting for its records to arrive. */
const CONCURRENCY = 4;
/** How long what is not there may still arrive, milliseconds. */
const PATIENCE_MILLIS = 8000;

const wanted = process.argv.slice(2);
const rows = ORDERED.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const missing = [...rows.map(missingFor), ...NODES.map((node) => node.missing)].filter((one) => one !== undefined);
if (missing.length > 0 || rows.length === 0) {
  process.stderr.write(`${missing.length > 0 ? [...new Set(missing)].join('\n') : 'no such row'}\n`);
  process.exit(2);
}

const isBest = (cells: Cells): boolean =>
  Object.entries(cells).every(([column, cell]) =>
    column === 'route' ? cell !== NO && cell !== '`""`' : cell === YES || cell === NOT_ASKED,
  );

const [receiver, next] = await Promise.all([startReceiver(), startNextHop()]);
const work: { readonly row: Row; readonly node: NodeRuntime }[] = rows.flatMap((row) =>
  NODES.map((node) => ({ row, node })),
);
const results: Result[] = [];
let at = 0;

async function worker(): Promise<void> {
  for (let index = at++; index < work.length; index = at++) {
    const { row, node } = work[index] as (typeof work)[number];
    const again = (): Promise<Cells> =>
      measure(row, node, {
        receiver,
        next,
        isEnough: isBest,
        patienceMillis: PATIENCE_MILLIS,
        compare: true,
        onDifference(observed, bare) {
          process.stderr.write(
            `${row.name}, Node ${node.version}: ended differently\n  with us: ${observed}\n  without: ${bare}\n`,
          );
        },
      });
    const first = await again();
    // What is not the best is measured twice: on a busy machine, two runs of the same program may differ as well.
    const cells = isBest(first) ? first : await again();
    results[index] = { row, nodeVersion: node.version, cells };
    const said = Object.entries(cells).map(([column, cell]) => `${column} ${cell}`);
    process.stdout.write(`${row.name} (${row.loaded}), Node ${node.version}: ${said.join(', ')}\n`);
  }
}

try {
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
} finally {
  next.close();
  await receiver.close();
}
if (wanted.length === 0) {
  writeFileSync(new URL('../docs/support.md', import.meta.url), supportPage(results));
  process.stdout.write('wrote docs/support.md\n');
}
