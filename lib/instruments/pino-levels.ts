import type { PinoInstance } from './pino.ts';

/** Loggers remembered for `/loglevel`. An app that makes a child per request passes it; then the oldest stay, the newest are not listed. */
const MAX_LOGGERS = 500;
/** New loggers that go by, once the list is full, before it is looked through for dropped ones again. */
const PRUNE_EVERY = 10_000;

export interface LogLevelControl {
  /** Notes a logger that has written a line. */
  note(instance: PinoInstance): void;
  /** Level by logger name; several of one name are numbered. */
  list(): Record<string, string>;
  /** Sets the level of one, or of all; gives the names that were set. */
  set(level: string, name?: string): string[];
}

function nameOf(instance: PinoInstance): string {
  try {
    const name = instance.bindings?.()['name'];
    return typeof name === 'string' && name !== '' ? name : 'pino';
  } catch {
    return 'pino';
  }
}

/** Reads and sets the levels of the app's loggers. Weak: a logger that the app dropped is not kept. */
export function createLogLevelControl(): LogLevelControl {
  const known = new WeakSet<PinoInstance>();
  let loggers: WeakRef<PinoInstance>[] = [];
  let passedBy = 0;

  function alive(): [string, PinoInstance][] {
    loggers = loggers.filter((reference) => reference.deref() !== undefined);
    const taken = new Map<string, number>();
    const named: [string, PinoInstance][] = [];
    for (const reference of loggers) {
      const instance = reference.deref();
      if (instance === undefined) continue;
      const name = nameOf(instance);
      const number = (taken.get(name) ?? 0) + 1;
      taken.set(name, number);
      named.push([number === 1 ? name : `${name}#${number}`, instance]);
    }
    return named;
  }

  return {
    note(instance) {
      if (known.has(instance)) return;
      if (loggers.length >= MAX_LOGGERS) {
        passedBy += 1;
        if (passedBy % PRUNE_EVERY !== 0) return;
        loggers = loggers.filter((reference) => reference.deref() !== undefined);
        if (loggers.length >= MAX_LOGGERS) return;
      }
      known.add(instance);
      loggers.push(new WeakRef(instance));
    },
    list: () => Object.fromEntries(alive().map(([name, instance]) => [name, instance.level])),
    set(level, name) {
      const changed: string[] = [];
      for (const [key, instance] of alive()) {
        if (name !== undefined && key !== name && key.replace(/#\d+$/, '') !== name) continue;
        instance.level = level;
        changed.push(key);
      }
      return changed;
    },
  };
}
