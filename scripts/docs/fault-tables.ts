import { DESTINATION_NAMES, type DestinationKind } from '../../test/faults/destinations.ts';
import type { Row } from '../../test/faults/promises.ts';

/** `0` is the wish: it stays quiet, the rest stands out. */
const cell = (count: number): string => (count === 0 ? '0' : `**${count}**`);

const pair = ({ lost, repeated }: { lost: number; repeated: number }): string =>
  repeated === 0 ? cell(lost) : `${cell(lost)}, ${repeated} twice`;

const millis = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(1));

/**
 * The generated part of docs/reliability.md.
 * @param records of each signal in each run
 */
export function tables(rows: readonly Row[], { records }: { records: number }): string {
  const faults = rows.filter(
    ({ fault, delivery }) => fault !== undefined && fault.disk === undefined && delivery !== 'bare',
  );
  const kinds = [...new Set(faults.map(({ kind }) => kind))].filter((kind) => !kind.startsWith('real'));
  const find = (delivery: string, kind: DestinationKind, name: string): Row | undefined =>
    faults.find((row) => row.delivery === delivery && row.kind === kind && row.name === name);
  const names = [...new Set(faults.filter(({ kind }) => !kind.startsWith('real')).map(({ name }) => name))];
  const columns = [
    ...kinds.map((kind) => ({ delivery: 'journal', kind })),
    { delivery: 'direct', kind: 'elasticsearch-zipkin' as const },
  ].filter(({ delivery, kind }) => names.some((name) => find(delivery, kind, name) !== undefined));
  const lines = [
    `Lost of ${records} log lines and lost of ${records} spans, one program a cell; “twice” counts records that arrived again.`,
    '',
    `| what goes wrong | ${columns.map(({ delivery, kind }) => `${DESTINATION_NAMES[kind].logs} / ${DESTINATION_NAMES[kind].spans}${delivery === 'direct' ? ', direct mode' : ''}`).join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...names.map(
      (name) =>
        `| ${name} | ${columns
          .map(({ delivery, kind }) => {
            const row = find(delivery, kind, name);
            if (row === undefined) return 'not applicable';
            const { logs, spans, alive } = row.result;
            return `${pair(logs)} / ${pair(spans)}${alive ? '' : ', **app died**'}`;
          })
          .join(' | ')} |`,
    ),
    '',
    ...others(
      'The servers themselves',
      faults.filter(({ kind }) => kind.startsWith('real')),
    ),
    ...others(
      'The disk (dropped records are counted, and the count is the loss)',
      rows.filter(({ fault }) => fault?.disk !== undefined),
    ),
    ...endings(rows.filter(({ fault }) => fault === undefined)),
    ...costs(rows),
  ];
  return `${lines.join('\n')}\n`;
}

function others(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  return [
    `| ${title} | log lines lost | spans lost | app |`,
    '|---|---|---|---|',
    ...rows.map(
      ({ name, kind, fault, result: { logs, spans, alive } }) =>
        `| ${fault?.only === undefined ? '' : `${DESTINATION_NAMES[kind][fault.only]}: `}${name} | ${pair(logs)} | ${pair(spans)} | ${alive ? 'unharmed' : '**died**'} |`,
    ),
    '',
  ];
}

function endings(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const names = [...new Set(rows.map(({ name }) => name))];
  const text = (delivery: string, name: string): string => {
    const row = rows.find((candidate) => candidate.delivery === delivery && candidate.name === name);
    if (row === undefined) return '–';
    const { logs, spans, exitMillis, ended } = row.result;
    return `${pair(logs)} / ${pair(spans)}; ${(exitMillis / 1000).toFixed(1)} s; ${ended}`;
  };
  return [
    'The program ends in the turn of its last record, and starts once more with the backends well. Lost log lines / lost',
    'spans; time from its last word to its end; exit code or signal.',
    '',
    '| how it ends | journal | direct mode |',
    '|---|---|---|',
    ...names.map((name) => `| ${name} | ${text('journal', name)} | ${text('direct', name)} |`),
    '',
  ];
}

function costs(rows: readonly Row[]): string[] {
  const measured = rows.filter(({ busy }) => !busy);
  const quiet = measured.filter(({ name, kind }) => name === 'nothing' && kind === 'elasticsearch-zipkin');
  const worst = measured.filter(({ delivery, fault }) => delivery === 'journal' && fault !== undefined);
  if (quiet.length === 0) return ['Blocking and memory: not measured in this run, the machine was busy.', ''];
  const most = (value: (row: Row) => number): number =>
    Math.max(...worst.map(value).filter((found) => !Number.isNaN(found)));
  return [
    'A turn of the event loop with 10 log lines and 10 spans, and memory, in the same runs:',
    '',
    '| | first turn, ms | other turns, 99.9th percentile, ms | peak memory, MB |',
    '|---|---|---|---|',
    ...quiet.map(
      ({ delivery, result }) =>
        `| ${delivery === 'bare' ? 'without the one line' : delivery}, nothing wrong | ${millis(result.firstTurnMillis)} | ${millis(result.turnP999Millis)} | ${Math.round(result.peakBytes / 1e6)} |`,
    ),
    `| journal, the worst of all rows | ${millis(most(({ result }) => result.firstTurnMillis))} | ${millis(most(({ result }) => result.turnP999Millis))} | ${Math.round(most(({ result }) => result.peakBytes) / 1e6)} |`,
    '',
  ];
}
