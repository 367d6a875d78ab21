import type { Source } from './sources.ts';

const CODE = /\bSIGHTLINE_[EW]_[A-Z_]+[A-Z]\b/g;

/**
 * The three places of a code agree: the table in `lib/errors.ts`, its entry in docs/errors.md (a heading), and a use
 * in `lib/`. Codes are never reused, so one that nothing says any more stays in the table as retired.
 */
export function errorTable(codes: readonly string[], documentation: string, sources: readonly Source[]): string[] {
  const documented = [...documentation.matchAll(/^### `?(SIGHTLINE_[EW]_[A-Z_]+)`?$/gm)].map((match) => match[1] ?? '');
  const used = new Set(
    sources.filter(({ path }) => path !== 'lib/errors.ts').flatMap(({ text }) => text.match(CODE) ?? []),
  );
  return [
    ...codes.filter((code) => !documented.includes(code)).map((code) => `docs/errors.md has no entry ${code}`),
    ...documented.filter((code) => !codes.includes(code)).map((code) => `docs/errors.md: lib/errors.ts has no ${code}`),
    ...documented.filter((code, at) => documented.indexOf(code) !== at).map((code) => `docs/errors.md: ${code} twice`),
    ...codes.filter((code) => !used.has(code)).map((code) => `lib/errors.ts: nothing in lib/ says ${code}`),
    ...[...used].filter((code) => !codes.includes(code)).map((code) => `lib/: ${code} is not in lib/errors.ts`),
  ];
}
