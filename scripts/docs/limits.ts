import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A number that bounds something: a constant on one line, with the comment above it. */
interface Limit {
  readonly file: string;
  readonly name: string;
  readonly value: number;
  /** Bytes, by its name or because it is written in powers of 1024. */
  readonly isBytes: boolean;
  readonly reason: string;
}

const CONSTANT =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^(?:export )?const ([A-Z][A-Z0-9_]+)(?:: number)? = ([\d_. *+]+);/gm;
/** Names that bound something also without a comment. */
const BOUND = /MAX|MIN|LEAST|LIMIT|TIMEOUT|MILLIS|SECONDS|BYTES|PORT$|TRIES|ATTEMPTS|DEPTH/;
/** Numbers that are a file format or a unit, not a bound. */
const OTHER =
  /^(?:FORMAT_VERSION|SCHEMA_VERSION|NANOS_PER|FLAG_|HEADER_BYTES|RECORD_HEADER_BYTES|SLOT_BYTES|USED_BYTES|CHECK(?:SUM_AT|ED_FROM)|LINE_FEED|MILLISECOND$|CELL_BYTES|CONTROL_BYTES|SLASH|DASH|ITEM_HEADER_BYTES|NO_|NOT_)/;

/** Products, sums and powers of plain numbers, as constants are written. */
function evaluate(expression: string): number | undefined {
  let sum = 0;
  for (const term of expression.replaceAll('_', '').split('+')) {
    let product = 1;
    for (const factor of term.replaceAll('**', '^').split('*')) {
      const [base = Number.NaN, exponent = 1] = factor.split('^').map(Number);
      product *= base ** exponent;
    }
    sum += product;
  }
  return Number.isFinite(sum) ? sum : undefined;
}

function limitsOf(root: string, file: string): Limit[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(CONSTANT)].flatMap(([, comment = '', name = '', expression = '']) => {
    const value = evaluate(expression);
    if (value === undefined || OTHER.test(name) || (comment === '' && !BOUND.test(name))) return [];
    const isBytes = name.endsWith('_BYTES') || expression.includes('1024 **');
    return [{ file, name, value, isBytes, reason: comment.replace(/\n\s*\* ?/g, ' ').trim() }];
  });
}

function scaled(value: number, units: readonly (readonly [number, string])[]): string {
  const [size, unit] = units.find(([size]) => value >= size && value % size === 0) ?? [1, units.at(-1)?.[1] ?? ''];
  return `${value / size} ${unit}`;
}

/** A value in the unit that its name ends with. */
function shown({ name, value, isBytes }: Limit): string {
  if (name.endsWith('_MILLIS')) {
    return scaled(value, [
      [3_600_000, 'h'],
      [60_000, 'min'],
      [1000, 's'],
      [1, 'ms'],
    ]);
  }
  if (name.endsWith('_SECONDS')) return `${value} s`;
  if (isBytes) {
    return scaled(value, [
      [1024 ** 3, 'GiB'],
      [1024 ** 2, 'MiB'],
      [1024, 'KiB'],
      [1, 'B'],
    ]);
  }
  return String(value);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/**
 * docs/limits.md.
 *
 * @param root of the repository, with a separator at its end
 */
export function limitsPage(root: string): string {
  const files = globSync('lib/**/*.ts', { cwd: root }).sort();
  const sections = Map.groupBy(
    files.flatMap((file) => limitsOf(root, file)),
    ({ file }) => file.split('/').slice(0, 2).join('/'),
  );
  const tables = [...sections].map(([folder, limits]) => {
    const rows = limits.map((limit) =>
      [`\`${limit.name}\``, shown(limit), cell(limit.reason), `\`${limit.file.slice(folder.length + 1)}\``].join(' | '),
    );
    return `## ${folder}\n\n| constant | value | bounds | in |\n|---|---|---|---|\n${rows.map((row) => `| ${row} |`).join('\n')}`;
  });
  return `<!-- Generated from the constants in lib/ by \`npm run generate\`. Do not edit. -->

# Limits, timeouts and sizes

Everything is bounded, and every bound is a named constant beside its use. This page is made of them. What can be set is in
[configuration.md](configuration.md); why the ones that users feel are what they are is in [rationale.md](rationale.md).

${tables.join('\n\n')}
`;
}
