import { kScope } from '../core/symbols.ts';
import { ServerScope } from './server-scope.ts';

/** The scope of a request object of Node; undefined when it is not observed or over. */
export function scopeOf(request: unknown): ServerScope | undefined {
  const scope = (request as { [kScope]?: unknown } | null | undefined)?.[kScope];
  return scope instanceof ServerScope && !scope.ended ? scope : undefined;
}

/** Notes the first error that reached a framework's error handling, and whose handler it came from. */
export function noteError(scope: ServerScope, error: unknown): void {
  if (scope.error === undefined && error !== undefined && error !== null) scope.error = error;
}

/** One pattern as text: strings as they are, expressions as their source. */
function patternText(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern : String(pattern);
}

/** Characters that make a segment more than literal text. */
const SPECIAL = /[:*+?()[\]{}|\\^$]/;

/** Whether a concrete path may have matched a pattern, by its literal segments alone. */
function mayMatch(pattern: string, path: string): boolean {
  const wanted = pattern.split('/').filter((segment) => segment !== '');
  const given = path.split('/').filter((segment) => segment !== '');
  if (!wanted.some((segment) => /[*({?+]/.test(segment)) && wanted.length !== given.length) return false;
  return wanted.every(
    (segment, index) => SPECIAL.test(segment) || segment.toLowerCase() === given[index]?.toLowerCase(),
  );
}

/**
 * The pattern of a route as text. Of a list, the one whose literal segments the path has; all of them, when that
 * leaves a doubt: in any case never more values than the app has patterns.
 *
 * @param path what the pattern was matched against, without query
 */
export function routeText(pattern: unknown, path: string): string {
  if (!Array.isArray(pattern)) return patternText(pattern);
  const flat = (pattern.flat(Infinity) as unknown[]).map(patternText);
  if (flat.length === 1) return flat[0] as string;
  const fitting = flat.filter((one) => mayMatch(one, path));
  return fitting.length === 1 ? (fitting[0] as string) : flat.join('|');
}

/** A mount pattern and a route within it as one pattern: `/api` and `/users/:id`; the root of a mount is the mount. */
export function joinPatterns(mount: string, pattern: string): string {
  const base = mount.endsWith('/') ? mount.slice(0, -1) : mount;
  if (pattern === '/' || pattern === '') return base === '' ? '/' : base;
  return pattern.startsWith('/') ? base + pattern : `${base}/${pattern}`;
}
