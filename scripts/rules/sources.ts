import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';

/** One TypeScript file of `lib/`, read once. */
export interface Source {
  /** Path from the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the repository's root for a relative specifier, else undefined. */
  readonly target: string | undefined;
  /** Only types are taken: erased, so that it loads nothing. */
  readonly typeOnly: boolean;
  /** `import()` or a `require`: loaded when the line runs. */
  readonly late: boolean;
}

/** Blanks comments, so that an example in a docstring is no import. Strings stay. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g,
    (match, string: string | undefined) => string ?? match.replace(/[^\n]/g, ' '),
  );
}

const STATIC = /^\s*(import|export)\s+(type\s+)?([^;'"]*?\s+from\s+)?['"]([^'"]+)['"]/gm;
const LATE = /(typeof\s+)?\b(?:import|require|load)\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The imports of one file. Every binding marked `type` counts as type only. */
export function importsOf(path: string, text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, late: boolean): void => {
    const target = specifier.startsWith('.') ? join(dirname(path), specifier).replace(/\.js$/, '.ts') : undefined;
    found.push({ specifier, target, typeOnly, late });
  };
  for (const [, , type, clause, specifier = ''] of code.matchAll(STATIC)) {
    const names = /\{([^}]*)\}/.exec(clause ?? '')?.[1];
    const members = names?.split(',').filter((member) => member.trim() !== '') ?? [];
    const onlyTypes =
      /^\s*\{/.test(clause ?? '') && members.length > 0 && members.every((member) => /^\s*type\s/.test(member));
    add(specifier, type !== undefined || onlyTypes, false);
  }
  for (const [, type, specifier = ''] of code.matchAll(LATE)) add(specifier, type !== undefined, true);
  return found;
}

export function sourceOf(path: string, text: string): Source {
  return { path, text, imports: importsOf(path, text) };
}

/** All sources of `lib/`. */
export function readSources(root: string): Source[] {
  return globSync('lib/**/*.{ts,cts}', { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => sourceOf(path, readFileSync(join(root, path), 'utf8')));
}
