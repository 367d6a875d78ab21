import { type Source, withoutComments } from './sources.ts';

/** Lines a file may have. */
const MAX_LINES = 400;

/** Files that have grown past the limit. */
export function longFiles(sources: readonly Pick<Source, 'path' | 'text'>[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, '').split('\n').length;
    return lines > MAX_LINES ? [`${path}: ${lines} lines, at most ${MAX_LINES}`] : [];
  });
}

/** Named exports only, each listed: what a module offers can be read where it is offered. */
export function exportsByName(sources: readonly Pick<Source, 'path' | 'text'>[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const code = withoutComments(text);
    return [
      ...(/^export\s+\*/m.test(code) ? [`${path}: export *; list the names`] : []),
      ...(/^export\s+default\b/m.test(code) ? [`${path}: default export; give it a name`] : []),
    ];
  });
}

/** `require()` of an ES module throws ERR_REQUIRE_ASYNC_MODULE when anything in its graph awaits at top level. */
export function topLevelAwait(sources: readonly Pick<Source, 'path' | 'text'>[]): string[] {
  return sources.flatMap(({ path, text }) =>
    /^(?:(?:export\s+)?(?:const|let|var)\s[^=\n]*=\s*)?(?:await\s|for\s+await\b)/m.test(withoutComments(text))
      ? [`${path}: top-level await; node -r could not load it`]
      : [],
  );
}

const TRACES: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.])\/(?:work|root|home\/[a-z]+|Users\/[A-Za-z]+)\/[\w.-]+/, 'a path of one machine'],
  [/(?:registry\.npmjs|proxy\.golang|repo1?\.maven|pypi\.org|deb\.debian)/, 'the host of a registry'],
];

/** Addresses of containers, which are the same everywhere. */
const HARMLESS = /\/(?:work|home)\/(?:app|node)\//g;

/** Paths and hosts that exist on one machine only. Takes any text files. */
export function machineTraces(files: readonly Pick<Source, 'path' | 'text'>[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) =>
      TRACES.flatMap(([pattern, what]) => {
        const match = pattern.exec(line.replace(HARMLESS, ''));
        return match === null ? [] : [`${path}:${index + 1}: ${what}: ${match[0]}`];
      }),
    ),
  );
}

/** Tests that are switched off or run alone, and notes of unfinished work. */
export function leftOpen(files: readonly Pick<Source, 'path' | 'text'>[]): string[] {
  const pattern = /\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|\b(?:TO[D]O|FIX[M]E|XX[X])\b/;
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const match = pattern.exec(line);
      return match === null ? [] : [`${path}:${index + 1}: left open: ${match[0]}`];
    }),
  );
}
