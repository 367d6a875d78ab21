import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fence } from '../core/fence.ts';
import { kWrapped } from '../core/symbols.ts';
import type { LogPipeline } from '../logs/log-pipeline.ts';
import { createLogLevelControl, type LogLevelControl } from './pino-levels.ts';
import { lineDetails, type PinoInstance, writesToWorker } from './pino-settings.ts';

/** First pino that publishes finished lines on a tracing channel. */
const CHANNEL_SINCE = [9, 10] as const;
/** The file with the prototype of all loggers, whose functions find each other through it: as `pino.js` asks for it, and by its path. */
const PROTOTYPE_ID = /^\.\/lib\/proto(?:\.js)?$/;
const PROTOTYPE_PATH = /[\\/]lib[\\/]proto\.js$/;

type AsJson = (this: PinoInstance, object: unknown, message: unknown, number: number, time: string) => string;
type Child = (this: PinoInstance, bindings: unknown, options: unknown) => PinoInstance;
type AnyFunction = (this: PinoInstance, ...args: any[]) => unknown;
type SetLevel = (this: PinoInstance, level: unknown) => unknown;

export interface PinoInstrumentOptions {
  readonly pipeline: LogPipeline;
  readonly onRequire: (
    predicate: (id: string, parentFilename: string) => boolean,
    callback: (exports: any, details: { readonly id: string; readonly parentFilename: string }) => void,
  ) => unknown;
  /** `SIGHTLINE_LOGS=stdout`: the app's line itself becomes the ECS line, and nothing is shipped. */
  readonly stdoutEcs: boolean;
}

/**
 * What the replaced functions of one copy of pino call. It outlives an observation: a later one enters itself here instead of
 * wrapping again.
 */
interface Slot {
  /** Gives the line that pino is to use. */
  line: ((instance: PinoInstance, args: readonly unknown[], line: string) => string) | undefined;
  failed: ((instance: PinoInstance, args: readonly unknown[]) => void) | undefined;
  made: ((instance: PinoInstance) => void) | undefined;
}

type Prototype = Record<string | symbol, unknown> & { [kWrapped]?: Slot };

function symbolNamed(holder: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(holder).find((candidate) => candidate.description === description);
}

/** Puts `replacement` where `original` is, under its name and length. */
function replace(prototype: Prototype, key: string | symbol, original: AnyFunction, replacement: AnyFunction): void {
  Object.defineProperty(replacement, 'name', { value: original.name, configurable: true });
  Object.defineProperty(replacement, 'length', { value: original.length, configurable: true });
  prototype[key] = replacement;
}

function replaceFunctions(prototype: Prototype, slot: Slot): void {
  const asJsonKey = symbolNamed(prototype, 'pino.asJson');
  const asJson = asJsonKey && (prototype[asJsonKey] as AsJson | undefined);
  if (asJsonKey !== undefined && typeof asJson === 'function') {
    replace(prototype, asJsonKey, asJson, function (this: PinoInstance, ...args: Parameters<AsJson>) {
      let line: string;
      try {
        line = Reflect.apply(asJson, this, args);
      } catch (error) {
        slot.failed?.(this, args);
        throw error;
      }
      return slot.line !== undefined && typeof line === 'string' ? slot.line(this, args, line) : line;
    });
  }
  const child = prototype['child'] as Child | undefined;
  if (typeof child === 'function') {
    replace(prototype, 'child', child, function (this: PinoInstance, ...args: Parameters<Child>) {
      const made = Reflect.apply(child, this, args);
      slot.made?.(made);
      return made;
    });
  }
  // Each new logger is given its level through here.
  const setLevelKey = symbolNamed(prototype, 'pino.setLevel');
  const setLevel = setLevelKey && (prototype[setLevelKey] as SetLevel | undefined);
  if (setLevelKey !== undefined && typeof setLevel === 'function') {
    replace(prototype, setLevelKey, setLevel, function (this: PinoInstance, ...args: Parameters<SetLevel>) {
      slot.made?.(this);
      return Reflect.apply(setLevel, this, args);
    });
  }
}

/** Version of the pino that a file belongs to; undefined when it belongs to another package. The folder may have any name (`npm:pino@8`). */
function pinoVersion(file: string): string | undefined {
  // pino.js lies in the package's root, the prototype in its lib folder.
  for (const directory of [dirname(file), dirname(dirname(file))]) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'pino') return String(version);
    } catch {
      // Not the root of the package; the next one is.
    }
  }
  return undefined;
}

function hasChannel(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > CHANNEL_SINCE[0] || (major === CHANNEL_SINCE[0] && minor >= CHANNEL_SINCE[1]);
}

/**
 * Picks up every finished line of the app's own pino (8.0 to 10, any number of instances, children, transports). Its output
 * stays as it is. From 9.10 on by pino's tracing channel; before that, and where the output itself is to change, by the function
 * that makes the line, replaced in place on the prototype of all loggers, also of a pino that was loaded earlier. Never both for one copy.
 */
export function instrumentPino({ pipeline, onRequire, stdoutEcs }: PinoInstrumentOptions): {
  stop(): void;
  readonly levels: LogLevelControl;
} {
  const levels = createLogLevelControl();
  const slots: Slot[] = [];

  const made = fence('pino logger', (instance: PinoInstance) => levels.note(instance));
  const take = fence('pino line', (instance: PinoInstance, args: ArrayLike<unknown>, line: string) => {
    levels.note(instance);
    pipeline.pinoLine(line, lineDetails(instance, args[0], Number(args[2]), args[3]));
  });
  const translate = fence('pino line', (instance: PinoInstance, args: ArrayLike<unknown>, line: string) => {
    levels.note(instance);
    const document = pipeline.translate(line, lineDetails(instance, args[0], Number(args[2]), args[3]));
    // pino's own line end, or the one the app configured, stays.
    const end = line.endsWith('\r\n') ? '\r\n' : line.endsWith('\n') ? '\n' : '';
    if (!writesToWorker(instance)) return document + end;
    // The worker reads the level and time of each line to choose among its targets: without, it writes nothing.
    return `${document.slice(0, -1)},"level":${Number(args[2])},"time":${Date.now()}}${end}`;
  });
  const failed = fence('pino line', (instance: PinoInstance, args: ArrayLike<unknown>) => {
    if (!stdoutEcs) pipeline.unserialisable(lineDetails(instance, args[0], Number(args[2]), args[3]), args[1]);
  });

  interface Published {
    readonly instance?: PinoInstance;
    readonly arguments?: ArrayLike<unknown>;
    readonly result?: unknown;
  }
  const onEnd = (message: unknown): void => {
    const { instance, arguments: args, result } = message as Published;
    if (typeof result === 'string' && instance !== undefined && args !== undefined) take(instance, args, result);
  };
  const onError = (message: unknown): void => {
    const { instance, arguments: args } = message as Published;
    if (instance !== undefined && args !== undefined) failed(instance, args);
  };
  const ends = channel('tracing:pino_asJson:end');
  const errors = channel('tracing:pino_asJson:error');
  if (!stdoutEcs) {
    ends.subscribe(onEnd);
    errors.subscribe(onError);
  }

  const stopRequire = onRequire(
    (id) => PROTOTYPE_ID.test(id) || PROTOTYPE_PATH.test(id),
    (create: () => object, { id, parentFilename }) => {
      const version = pinoVersion(parentFilename === '' ? id : parentFilename);
      if (version === undefined) return;
      // pino's factory gives an empty object with the prototype.
      const prototype = Object.getPrototypeOf(create()) as Prototype;
      let slot = prototype[kWrapped];
      if (slot === undefined) {
        slot = { line: undefined, failed: undefined, made: undefined };
        Object.defineProperty(prototype, kWrapped, { value: slot });
        replaceFunctions(prototype, slot);
      }
      slots.push(slot);
      slot.made = made;
      if (!stdoutEcs && hasChannel(version)) return;
      slot.failed = failed;
      slot.line = (instance, args, line) => {
        if (stdoutEcs) return translate(instance, args, line) ?? line;
        take(instance, args, line);
        return line;
      };
    },
  );

  return {
    levels,
    stop() {
      if (typeof stopRequire === 'function') stopRequire();
      ends.unsubscribe(onEnd);
      errors.unsubscribe(onError);
      for (const slot of slots) slot.line = slot.failed = slot.made = undefined;
    },
  };
}
