import type { Answer } from './http-answer.ts';
import { json, text } from './http-answer.ts';

type Eventually<Value> = Value | Promise<Value>;

/** What the admin port needs of the loggers, of one process or of many. */
export interface LogLevels {
  /** Level by logger. */
  list(): Eventually<Record<string, string>>;
  /**
   * Sets one logger, or all without a name.
   * @returns the names of the loggers that were set; empty when none has that name
   */
  set(level: string, name?: string): Eventually<string[]>;
}

/** pino's levels. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export async function showLogLevels(levels: LogLevels): Promise<Answer> {
  return json(200, { loggers: await levels.list() });
}

interface Wish {
  readonly level: unknown;
  readonly logger: unknown;
}

/** `{"level":"debug","logger":"app"}`, or the level alone as text. */
function parse(body: string): Wish {
  const trimmed = body.trim();
  if (!trimmed.startsWith('{')) return { level: trimmed, logger: undefined };
  try {
    const { level, logger } = JSON.parse(trimmed) as Partial<Wish>;
    return { level, logger };
  } catch {
    return { level: trimmed.slice(0, 40), logger: undefined };
  }
}

/** `PUT /loglevel`: body as in `parse`, or `?level=` and `?logger=`. */
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
  const wanted = level.toLowerCase();
  const changed = await (logger === undefined ? levels.set(wanted) : levels.set(wanted, logger));
  if (changed.length === 0) {
    const known = Object.keys(await levels.list()).join(', ');
    return text(404, `SIGHTLINE_E_NOT_FOUND: no logger '${String(logger ?? '').slice(0, 80)}', there are: ${known}`);
  }
  return json(200, { changed, loggers: await levels.list() });
}
