import { readFileSync } from 'node:fs';
import { SERVICES } from '../third-party/services.ts';
import type { Cells } from './cells.ts';
import { versionOf } from './program.ts';
import { COLUMNS, GROUPS, ROWS, type Row } from './rows.ts';

/** What one row gave on one Node. */
export interface Result {
  readonly row: Row;
  readonly nodeVersion: string;
  readonly cells: Cells;
}

const HEAD = ['what', 'version', 'loaded by', ...COLUMNS, 'Node'];

const INTRODUCTION = `<!-- Written by \`npm run support\` from what the programs of test/fixtures/support/ left behind. Do not edit. -->

# What is supported

Each row is a program that runs with \`--import sightline/register\` and nothing else. It is asked for an order and for an
error; the cells say what arrived at a Zipkin and an Elasticsearch. \`npm run support\` measures all of it on every Node and
writes this page; \`npm test\` measures it on one Node, and fails when a cell here does not hold.

| column | \`yes\` means |
|---|---|
| trace | exactly one server span, under the caller's span; of a client, exactly one client span, under the server's |
| route | the cell is \`http.route\` of \`GET /orders/7\`, of which the span's name is made; \`""\`: there is no pattern, and the name is the method alone |
| error | what fails leaves one error line and the exception on the span. \`line, status\`: the line is the app's own, since no framework passes its error on; the span has failed. \`status\`: the span has failed |
| log IDs | the app's pino line carries trace ID, span ID and correlation ID |
| header | the correlation ID is in the answer |
| forward | the next service gets trace and correlation ID, once each |
| stop | on SIGTERM the app ends as it does without us: same output, same exit code |

\`–\`: the row is not about that.
`;

function keyOf(row: Row): string {
  const version = versionOf(row);
  return [row.name, version, row.loaded].join(' | ');
}

/** Rows of one table; Nodes with the same cells share one. */
function lines(results: readonly Result[]): string[] {
  const shared = new Map<string, string[]>();
  for (const { row, nodeVersion, cells } of results) {
    const line = [keyOf(row), ...COLUMNS.map((column) => cells[column])].join(' | ');
    shared.set(line, [...(shared.get(line) ?? []), nodeVersion]);
  }
  return [...shared].map(([line, versions]) => `| ${line} | ${versions.join(', ')} |`);
}

/** Packages of the rows of `npm-fixtures.txt` that a test uses beside us. */
const NEIGHBOURS = ['otel-contrib', 'otel-1.9', 'otel-api-1.4', 'dd-trace', 'sentry', 'elastic-apm', 'newrelic'];

function fixturePackages(folder: string): string {
  const table = readFileSync(new URL('../backends/npm-fixtures.txt', import.meta.url), 'utf8');
  const found = table.split('\n').find((line) => line.split(/\s+/, 1)[0] === folder);
  if (found === undefined) throw new Error(`npm-fixtures.txt has no row ${folder}`);
  return found
    .split(/\s+/)
    .slice(1)
    .filter((one) => one !== '')
    .join(', ');
}

function others(): string {
  const services = SERVICES.map(
    ({ name, folder, framework }) => `| ${name} | ${fixturePackages(folder)} | ${framework} |`,
  );
  const neighbours = NEIGHBOURS.map((folder) => `| ${fixturePackages(folder)} |`);
  return `
## Programs of others

Published programs, unmodified, and two small apps: \`test/third-party/services.test.ts\` compares answers, output and end
with those of a run without us, byte by byte, and finds the spans, lines and metrics of every request.

| program | packages | built with |
|---|---|---|
${services.join('\n')}

## Neighbours

Apps that carry another observer: \`test/bootstrap/neighbours.test.ts\` holds each of these beside us, and
[rationale.md](rationale.md) says who makes which span.

| packages |
|---|
${neighbours.join('\n')}
`;
}

/** The whole page. Not made of anything but results, and lists that tests run from. */
export function supportPage(results: readonly Result[]): string {
  const tables = GROUPS.map((group) => {
    const members = results.filter(({ row }) => row.group === group);
    return `\n## ${group}\n\n| ${HEAD.join(' | ')} |\n|${HEAD.map(() => '---').join('|')}|\n${lines(members).join('\n')}\n`;
  });
  return `${INTRODUCTION}${tables.join('')}${others()}`;
}

/** What a page claims of a row on a Node; undefined when it has no such row. */
export function claimed(page: string, row: Row, nodeVersion: string): Cells | undefined {
  const key = keyOf(row);
  for (const line of page.split('\n')) {
    const parts = line.split(' | ').map((part) => part.replace(/^\| | \|$/g, ''));
    if (parts.length !== HEAD.length || parts.slice(0, 3).join(' | ') !== key) continue;
    if (!parts.at(-1)?.split(', ').includes(nodeVersion)) continue;
    return Object.fromEntries(COLUMNS.map((column, index) => [column, parts[3 + index] ?? ''])) as Cells;
  }
  return undefined;
}

/** Rows in the order of the page. */
export const ORDERED: readonly Row[] = GROUPS.flatMap((group) => ROWS.filter((row) => row.group === group));
