import { parseMillis } from '../core/units.ts';
import type { Answer } from './http-answer.ts';
import { json, text } from './http-answer.ts';

type Eventually<Value> = Value | Promise<Value>;

/** Which loggers a level is set for, and for how long. */
export interface LevelScope {
  /** A name as listed; default: all. */
  readonly name?: string | undefined;
  /** After so many milliseconds they have their former level again. Default: never. */
  readonly forMillis?: number | undefined;
}

/** What the admin port needs of the loggers, of one process or of many. */
export interface LogLevels {
  /** Level by logger. */
  list(): Eventually<Record<string, string>>;
  /**
   * Sets one logger, or all without a name.
   * @returns the names of the loggers that were set; empty when none has that name
   */
  set(level: string, scope?: LevelScope): Eventually<string[]>;
}

/** pino's levels. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Longest time that a level may be set for: who wants it longer restarts with another level. */
export const MAX_FOR_MILLIS = 24 * 3_600_000;

export async function showLogLevels(levels: LogLevels): Promise<Answer> {
  return json(200, { loggers: await levels.list() });
}

interface Wish {
  readonly level: unknown;
  readonly logger: unknown;
  readonly for: unknown;
}

/** `{"level":"debug","logger":"app","for":"10m"}`, or the level alone as text. */
function parse(body: string): Wish {
  const trimmed = body.trim();
  if (!trimmed.startsWith('{')) return { level: trimmed, logger: undefined, for: undefined };
  try {
    const { level, logger, for: duration } = JSON.parse(trimmed) as Partial<Wish>;
    return { level, logger, for: duration };
  } catch {
    return { level: trimmed.slice(0, 40), logger: undefined, for: undefined };
  }
}

/** Undefined when it is none, or not within the bound. */
function durationOf(given: unknown): number | undefined {
  const millis = typeof given === 'string' ? parseMillis(given) : undefined;
  return millis !== undefined && millis > 0 && millis <= MAX_FOR_MILLIS ? millis : undefined;
}

/** `PUT /loglevel`: body as in `parse`, or `?level=`, `?logger=` and `?for=`. */
export async function setLogLevel(levels: LogLevels, query: URLSearchParams, body: string): Promise<Answer> {
  const wish = parse(body);
  const level = query.get('level') ?? wish.level;
  const logger = query.get('logger') ?? wish.logger;
  if (typeof level !== 'string' || !(LEVELS as readonly string[]).includes(level.toLowerCase())) {
    return text(
      400,
      `SIGHTLINE_E_OPTION: got level '${String(level).slice(0, 40)}', wanted one of ${LEVELS.join(', ')}: send {"level":"debug"} or {"level":"debug","logger":"name"}`,
    );
  }
  if (logger !== undefined && typeof logger !== 'string')
    return text(400, 'SIGHTLINE_E_OPTION: logger must be a text, as listed by GET /loglevel');
  const duration = query.get('for') ?? wish.for;
  const forMillis = durationOf(duration);
  if (duration !== undefined && forMillis === undefined) {
    return text(
      400,
      `SIGHTLINE_E_OPTION: got for '${String(duration).slice(0, 40)}', wanted a duration such as 30s, 10m or 2h, at most 24h: send {"level":"debug","for":"10m"}`,
    );
  }
  const changed = await levels.set(level.toLowerCase(), { name: logger, forMillis });
  if (changed.length === 0) {
    const known = Object.keys(await levels.list()).join(', ');
    return text(404, `SIGHTLINE_E_NOT_FOUND: no logger '${String(logger ?? '').slice(0, 80)}', there are: ${known}`);
  }
  const until = forMillis === undefined ? {} : { until: new Date(Date.now() + forMillis).toISOString() };
  return json(200, { changed, ...until, loggers: await levels.list() });
}
