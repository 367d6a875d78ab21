import { createRequire } from 'node:module';

/**
 * Loads a module of this package when it is needed, by its file. Gives `undefined` when the caller is not where it was built:
 * a bundler has put it into another file, and what lies beside that belongs to the app.
 *
 * @param caller `import.meta.url`, which bundlers replace or leave out
 * @param callerFile the caller within the package, without extension: `bootstrap/observe`
 * @param file what to load, relative to the caller, without extension
 * @throws what the module throws while it is loaded
 */
export function loadBeside(caller: string | undefined, callerFile: string, file: string): unknown {
  const extension = /\.[jt]s$/.exec(caller ?? '')?.[0];
  if (caller === undefined || extension === undefined || !caller.endsWith(`/${callerFile}${extension}`))
    return undefined;
  let path: string;
  const load = createRequire(caller);
  try {
    path = load.resolve(`${file}${extension}`);
  } catch {
    return undefined;
  }
  return load(path);
}
