import { active, runOutside } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import type { PinoInstance } from './pino-settings.ts';

/** Loggers that `/loglevel` can hold at a time; of more, the first stay. */
const MAX_LOGGERS = 500;
/** New loggers between two clearings of those that the app has dropped, once the list is full. */
const CLEARING_INTERVAL = 500;

export interface LogLevelControl {
  /**
   * Notes a logger: at its making, or when it writes. Those made within a request are left out: they die with it, and their
   * successors inherit the level of the logger that they are made from.
   */
  note(instance: PinoInstance): void;
  /** Level by logger name; several of one name are numbered. */
  list(): Record<string, string>;
  /**
   * Sets the level of one, or of all; gives the names that were set. A logger that has no such level keeps its own. With a time,
   * the loggers and the children that they have had meanwhile return to the level that they had before the first such setting,
   * unless somebody has set another one.
   */
  set(level: string, scope?: { readonly name?: string | undefined; readonly forMillis?: number | undefined }): string[];
}

/** What a logger was set to for a time. */
interface Temporary {
  readonly level: string;
  readonly former: string;
  /** Which setting it was: a later one takes over. */
  readonly setting: object;
}

/** Names a logger by what its maker bound: `name`, else `module` or `component`, as children are told apart. */
function nameOf(instance: PinoInstance): string {
  try {
    const bindings = instance.bindings?.() ?? {};
    for (const key of ['module', 'component', 'name']) {
      const value = bindings[key];
      if (typeof value === 'string' && value !== '') return value.slice(0, 100);
    }
  } catch {
    // Not yet complete, or with a formatter that throws.
  }
  return 'pino';
}

function levelOf(instance: PinoInstance): string | undefined {
  try {
    return typeof instance.level === 'string' ? instance.level : undefined;
  } catch {
    return undefined;
  }
}

/** Reads and sets the levels of the app's loggers. Weak: a logger that the app dropped is not kept. */
export function createLogLevelControl(): LogLevelControl {
  const known = new WeakSet<PinoInstance>();
  let loggers: WeakRef<PinoInstance>[] = [];
  let refused = 0;
  const temporary = new WeakMap<object, Temporary>();

  /** Of the logger, or of the one that it was made from: pino's children have their parent as prototype. */
  function temporaryOf(instance: PinoInstance): Temporary | undefined {
    for (
      let holder: object | null = instance;
      holder !== null;
      holder = Object.getPrototypeOf(holder) as object | null
    ) {
      const found = temporary.get(holder);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function restore(setting: object): void {
    const over = alive()
      .map(([, instance]) => ({ instance, state: temporaryOf(instance) }))
      .filter(({ state }) => state?.setting === setting);
    for (const { instance, state } of over) {
      temporary.delete(instance);
      try {
        if (levelOf(instance) === state!.level) instance.level = state!.former;
      } catch {
        // A level that it no longer has.
      }
    }
  }

  function clear(): void {
    loggers = loggers.filter((reference) => reference.deref() !== undefined);
  }

  function alive(): [string, PinoInstance][] {
    clear();
    const taken = new Map<string, number>();
    const named: [string, PinoInstance][] = [];
    for (const reference of loggers) {
      const instance = reference.deref();
      if (instance === undefined || levelOf(instance) === undefined) continue;
      const name = nameOf(instance);
      const number = (taken.get(name) ?? 0) + 1;
      taken.set(name, number);
      named.push([number === 1 ? name : `${name}#${number}`, instance]);
    }
    return named;
  }

  return {
    note(instance) {
      if (active().request !== undefined || known.has(instance)) return;
      if (loggers.length >= MAX_LOGGERS) {
        refused += 1;
        if (refused % CLEARING_INTERVAL !== 1) return;
        clear();
        if (loggers.length >= MAX_LOGGERS) return;
      }
      known.add(instance);
      loggers.push(new WeakRef(instance));
    },
    list: () => Object.fromEntries(alive().map(([name, instance]) => [name, levelOf(instance) ?? ''])),
    set(level, { name, forMillis } = {}) {
      const changed: string[] = [];
      const setting = {};
      for (const [key, instance] of alive()) {
        if (name !== undefined && key !== name && key.replace(/#\d+$/, '') !== name) continue;
        const before = levelOf(instance) ?? level;
        try {
          instance.level = level;
        } catch {
          // Only levels of its own, and this is none.
          continue;
        }
        changed.push(key);
        const running = temporaryOf(instance);
        const former = running?.level === before ? running.former : before;
        // For good: noted too, else a child would return with the logger that it was made from.
        temporary.set(instance, { level, former: forMillis === undefined ? level : former, setting });
      }
      if (forMillis !== undefined && changed.length > 0) {
        runOutside(() => setTimeout(fence('end of a log level', restore), forMillis, setting).unref());
      }
      return changed;
    },
  };
}
