import type { Source } from './sources.ts';

/**
 * Who may import whom: each folder of `lib/` with the folders it may reach, or one folder in them. Nothing else is allowed; the reasons are
 * in docs/architecture.md. `errors.ts` is open to all.
 */
const BASE = ['core', 'model', 'codec', 'context'] as const;
const SIGNALS = ['logs', 'metrics', 'traces'] as const;
const SERVICE = ['instruments', 'delivery', 'admin', 'resilience', 'profiling'] as const;

export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  model: ['core'],
  codec: ['core', 'model'],
  context: ['core', 'model', 'codec'],
  // The three signals never import each other: they meet in context/ and bootstrap/.
  ...Object.fromEntries(SIGNALS.map((folder) => [folder, BASE])),
  ...Object.fromEntries(SERVICE.map((folder) => [folder, [...BASE, ...SIGNALS]])),
  bootstrap: [...BASE, ...SIGNALS, ...SERVICE],
  // The service side reaches the stack over the wire alone, and the stack knows nothing of it.
  stack: ['core', 'model', 'codec'],
  // The files of journals and dead letters are where the command line and a service meet; nothing else of delivery is.
  cli: ['core', 'model', 'codec', 'stack', 'dashboards', 'lint', 'delivery/journal'],
  // Names from the catalogue, nothing that runs in a service.
  dashboards: ['core', 'model', 'codec'],
  // The stack's parser of PromQL is the only one there is.
  lint: ['core', 'model', 'codec', 'dashboards', 'stack/query/promql', 'stack/config'],
  testing: ['core', 'model', 'codec'],
  // A program of its own, started by the command line: a service that looks at itself.
  doctor: [...BASE, ...SIGNALS, ...SERVICE, 'bootstrap'],
  'index.ts': [...BASE, ...SIGNALS, ...SERVICE, 'bootstrap'],
  'register.ts': ['core', 'bootstrap'],
  'register.cts': [],
  'errors.ts': [],
};

/** Packages whose values only these folders may load; elsewhere only their types may be named. */
const RESTRICTED: Readonly<Record<string, readonly string[]>> = {
  '@opentelemetry/api': ['bootstrap', 'delivery'],
  '@opentelemetry/sdk-node': ['delivery'],
  '@opentelemetry/exporter-zipkin': ['delivery'],
  'pino-elasticsearch': ['delivery'],
  'hot-shots': ['delivery'],
};

/** The folder of `lib/` that a file belongs to, or the file itself at top level. */
export function folderOf(path: string): string {
  return path.split('/')[1] ?? path;
}

/** `@scope/name` or `name` of a bare specifier. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Imports between folders that the table does not allow. */
export function forbiddenImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const from = folderOf(source.path);
    const allowed = ALLOWED[from];
    if (allowed === undefined) return [`${source.path}: lib/${from} has no row in the table of who may import whom`];
    return source.imports.flatMap(({ target, specifier }) => {
      if (target === undefined) return [];
      if (!target.startsWith('lib/')) return [`${source.path}: ${specifier} leads out of lib/`];
      const to = folderOf(target);
      if (to === from || to === 'errors.ts' || allowed.includes(to)) return [];
      if (allowed.some((folder) => folder.includes('/') && target.startsWith(`lib/${folder}/`))) return [];
      if (from === 'register.cts' && to === 'register.ts') return [];
      return [`${source.path}: ${from} must not import ${to} (${specifier})`];
    });
  });
}

/** Packages loaded where they may not be, and packages that package.json does not name. */
export function forbiddenPackages(sources: readonly Source[], known: ReadonlySet<string>): string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap(({ specifier, target, typeOnly }) => {
      if (target !== undefined || specifier.startsWith('node:')) return [];
      const name = packageOf(specifier);
      if (!known.has(name)) return [`${source.path}: ${name} is no dependency and no peer in package.json`];
      const folders = RESTRICTED[name];
      if (typeOnly || folders === undefined || folders.includes(folderOf(source.path))) return [];
      return [`${source.path}: only lib/${folders.join(', lib/')} may load ${name}; elsewhere use import type`];
    }),
  );
}

/** Import cycles. Imports of types alone load nothing and make none. */
export function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      source.imports.flatMap(({ target, typeOnly, late }) =>
        target === undefined || typeOnly || late ? [] : [target],
      ),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      found.push(`cycle: ${[...trail.slice(at), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}
