/**
 * `npm run faults [-- --only TEXT] [--records N] [--write]`: the fault matrix in its long form. Each cell is a program
 * of its own against backends that misbehave; the real servers are used where they are installed. Prints a line a cell
 * and ends with 1 when journal mode broke a promise. `--write` puts the tables into docs/reliability.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { available } from '../test/backends/directory.ts';
import { type CellOptions, type CellResult, type Delivery, runEnding, runFault } from '../test/faults/cell.ts';
import {
  DESTINATION_NAMES,
  type DestinationKind,
  type RealServers,
  startRealServers,
} from '../test/faults/destinations.ts';
import { cannotMount } from '../test/faults/disk.ts';
import { DISK_FAULTS, ENDING_MODES, ENDINGS, FAULTS, type Fault } from '../test/faults/faults.ts';
import { brokenPromises, type Row } from '../test/faults/promises.ts';
import { SEARCH_FAULTS, ZIPKIN_FAULTS } from '../test/faults/real-faults.ts';
import { tables } from './docs/fault-tables.ts';

/** Of each signal in a run, a third before, during and after the fault. */
const RECORDS = 6000;
/** How long a fault stays after the records of its third are written, milliseconds. */
const HOLD_MILLIS = 5000;
/** The journal's couriers may wait half a minute between attempts. */
const SETTLE_MILLIS = 90_000;
/** The stock pipeline either has it by then or never will: its longest time limit is 30 s. */
const SETTLE_DIRECT_MILLIS = 35_000;

/** Load of a machine that does more than this. */
const BUSY_LOAD = 1.25 * availableParallelism();

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    records: { type: 'string', default: String(RECORDS) },
    write: { type: 'boolean', default: false },
  },
});
const third = Math.floor(Number(values.records) / 3);
const PAGE = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

interface Job {
  readonly delivery: Delivery;
  readonly kind: DestinationKind;
  readonly name: string;
  readonly fault?: Fault;
  readonly run: (options: CellOptions) => Promise<CellResult>;
}

function faultJob(delivery: Delivery, kind: DestinationKind, fault: Fault): Job {
  return { delivery, kind, name: fault.name, fault, run: (options) => runFault(fault, options) };
}

function jobs(real: boolean): Job[] {
  const both = ['journal', 'direct'] as const;
  const simple: readonly DestinationKind[] = ['elasticsearch-zipkin', 'logstash-otlp', 'otlp'];
  return [
    faultJob('bare', 'elasticsearch-zipkin', FAULTS[0] as Fault),
    ...both.flatMap((delivery) =>
      // The stock pipeline has neither Logstash nor OTLP.
      (delivery === 'journal' ? simple : simple.slice(0, 1)).flatMap((kind) =>
        FAULTS.filter(({ name }) => name !== 'every item 429' || kind === 'elasticsearch-zipkin').map((fault) =>
          faultJob(delivery, kind, fault),
        ),
      ),
    ),
    ...(real
      ? [
          ...[...SEARCH_FAULTS, ...ZIPKIN_FAULTS].map((fault) => faultJob('journal', 'real', fault)),
          ...SEARCH_FAULTS.map((fault) => faultJob('journal', 'real-opensearch', fault)),
        ]
      : []),
    ...(cannotMount() === undefined
      ? DISK_FAULTS.map((fault) => faultJob('journal', 'elasticsearch-zipkin', fault))
      : []),
    ...both.flatMap((delivery) =>
      ENDINGS.flatMap((ending) =>
        ENDING_MODES.map(
          ({ name, mode }): Job => ({
            delivery,
            kind: 'elasticsearch-zipkin',
            name: `ends by ${ending}, backends ${name}`,
            run: (options) => runEnding(ending, mode, options),
          }),
        ),
      ),
    ),
  ].filter(({ delivery, kind, name }) => `${delivery} ${kind} ${name}`.includes(values.only));
}

const missing = available('elasticsearch', 'opensearch', 'zipkin');
if (missing) process.stdout.write(`without the real servers: ${missing}\n`);
if (cannotMount() !== undefined) process.stdout.write(`without the disk rows: ${cannotMount()}\n`);
const list = jobs(!missing);
let real: (RealServers & { readonly kind: DestinationKind }) | undefined;

async function stopReal(): Promise<void> {
  await real?.elasticsearch.stop();
  await real?.zipkin.stop();
  real = undefined;
}

const rows: Row[] = [];
let broken = 0;
for (const [at, { delivery, kind, name, fault, run }] of list.entries()) {
  process.stdout.write(`${at + 1}/${list.length} ${delivery}, ${DESTINATION_NAMES[kind].logs}: ${name} … `);
  if (kind.startsWith('real') && real?.kind !== kind) {
    await stopReal();
    real = { kind, ...(await startRealServers(kind === 'real' ? 'elasticsearch' : 'opensearch')) };
  }
  const result = await run({
    delivery,
    kind,
    real,
    third,
    holdMillis: fault === undefined || fault.name === 'nothing' ? 0 : HOLD_MILLIS,
    settleMillis: delivery === 'direct' ? SETTLE_DIRECT_MILLIS : fault?.disk === undefined ? SETTLE_MILLIS : 10_000,
  });
  const row: Row = { delivery, kind, name, fault, result, busy: (loadavg()[0] ?? 0) > BUSY_LOAD };
  rows.push(row);
  const faults = brokenPromises(row);
  broken += faults.length;
  const { logs, spans } = result;
  process.stdout.write(
    `lost ${logs.lost}/${spans.lost}, repeated ${logs.repeated}/${spans.repeated}, ended ${result.ended}${faults.map((text) => `\n  BROKEN: ${text}`).join('')}\n`,
  );
}
await stopReal();

const text = tables(rows, { records: 3 * third });
if (values.write) {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split('<!-- faults:begin -->\n');
  const [, after] = (rest ?? '').split('<!-- faults:end -->');
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has no place for the tables`);
  writeFileSync(PAGE, `${before}<!-- faults:begin -->\n${text}<!-- faults:end -->${after}`);
} else process.stdout.write(`\n${text}`);
process.stdout.write(`${rows.length} cells, ${broken} promises broken\n`);
process.exitCode = broken > 0 ? 1 : 0;
