import { isKnownMethod } from '../model/http-method.ts';

/** Rules at most: each is tried until one matches, on every request. */
export const MAX_ROUTE_RULES = 100;

/** What is known of an inbound request when its span starts. */
export interface RequestTarget {
  /** Upper case, or `_OTHER`. */
  readonly method: string;
  /** Without query. */
  readonly path: string;
}

/** One member of `SIGHTLINE_TRACES_ROUTES`. */
export interface RouteRule {
  /** Undefined = every method. */
  readonly method: string | undefined;
  /** As it was given. */
  readonly pattern: string;
  /** Share of the traces that are recorded, from 0 to 1. */
  readonly ratio: number;
  readonly matches: RegExp;
}

const RULE = /^(?:([A-Za-z]+)\s+)?(\/\S*|\*)\s*=\s*(\d+(?:\.\d+)?|\.\d+)$/;
/** A segment that stands for any one: `:id`, `{id}`, `*`. */
const ONE_SEGMENT = /^(?::\w+|\{\w+\}|\*)$/;
/** A last segment that stands for any rest: `*`, `*rest`, `{rest*}`, `:rest*`. */
const ANY_REST = /^(?:\*\w*|\{\w*\*\}|:\w+\*)$/;
/** What routers give a meaning that a path alone cannot decide: optional parts, expressions. */
const UNKNOWN = /[:{}*()?[\]|^$\\]/;

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Linear in the length of the path: each part ends at a slash, and nothing is nested. Undefined when it is no pattern. */
function compile(pattern: string): RegExp | undefined {
  const segments = (pattern === '*' ? '/*' : pattern)
    .replace(/(?<=.)\/$/, '')
    .slice(1)
    .split('/');
  const last = segments.length - 1;
  let source = '^';
  for (const [index, segment] of segments.entries()) {
    if (index === last && ANY_REST.test(segment)) return new RegExp(`${source}/`, 'i');
    if (ONE_SEGMENT.test(segment)) {
      source += '/[^/]+';
      continue;
    }
    // As in other lists of paths: a star at the end of a word is a prefix.
    const isPrefix = index === last && segment.endsWith('*');
    const literal = isPrefix ? segment.slice(0, -1) : segment;
    if (UNKNOWN.test(literal)) return undefined;
    source += `/${literally(literal)}`;
    if (isPrefix) return new RegExp(source, 'i');
  }
  return new RegExp(`${source}/?$`, 'i');
}

/** Undone: what `observe()` does to the keys of an object that was given instead of a text. */
function decoded(member: string): string {
  if (member.includes('/') || !member.includes('%')) return member;
  try {
    return decodeURIComponent(member);
  } catch {
    return member;
  }
}

function parseRule(member: string): RouteRule {
  const [, method, pattern = '', share] = RULE.exec(decoded(member)) ?? [];
  const matches = pattern === '' ? undefined : compile(pattern);
  const ratio = Number(share);
  if (
    matches === undefined ||
    !(ratio >= 0 && ratio <= 1) ||
    (method !== undefined && !isKnownMethod(method.toUpperCase()))
  )
    throw new Error(
      `wanted rules such as GET /orders/:id=0.1,/internal/*=0 (method, path and a share from 0 to 1), "${member.slice(0, 100)}" is none`,
    );
  return Object.freeze({ method: method?.toUpperCase(), pattern, ratio, matches });
}

/**
 * Parses `SIGHTLINE_TRACES_ROUTES`: comma separated `[METHOD ]PATH=SHARE`. A path may be written as the routers write it: `:id`,
 * `{id}` and `*` stand for one segment, `*`, `*rest` and `{rest*}` at the end for any rest, and a star at the end of a word for a
 * prefix; `*` alone is every path. Upper and lower case are the same, and a slash at the end does not count.
 *
 * @throws Error "wanted …"
 */
export function parseRouteRules(text: string): readonly RouteRule[] {
  const rules = text
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
    .map(parseRule);
  if (rules.length > MAX_ROUTE_RULES) throw new Error(`wanted at most ${MAX_ROUTE_RULES} rules`);
  return Object.freeze(rules);
}

/** The first rule that a request falls under; their order is the user's. */
export function ruleFor(rules: readonly RouteRule[], { method, path }: RequestTarget): RouteRule | undefined {
  for (const rule of rules) {
    if ((rule.method === undefined || rule.method === method) && rule.matches.test(path)) return rule;
  }
  return undefined;
}
