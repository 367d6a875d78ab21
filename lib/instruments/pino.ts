import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fence } from '../core/fence.ts';
import { kWrapped } from '../core/symbols.ts';
import type { LogPipeline } from '../logs/log-pipeline.ts';
import type { PinoLineDetails } from '../logs/pino-document.ts';
import { createLogLevelControl, type LogLevelControl } from './pino-levels.ts';

/** First pino that publishes finished lines on a tracing channel. */
const CHANNEL_SINCE = [9, 10] as const;
/** File in which pino makes its lines, asked for by `pino.js` and by `lib/proto.js`. */
const TOOLS = /^\.\/(?:lib\/)?tools(?:\.js)?$/;

/** A pino instance, as far as it is looked at. */
export interface PinoInstance {
  level: string;
  readonly levels: { readonly labels: Readonly<Record<number, string>> };
  bindings?(): Record<string, unknown>;
}

type AsJson = (this: PinoInstance, object: unknown, message: unknown, number: number, time: string) => string;

export interface PinoInstrumentOptions {
  readonly pipeline: LogPipeline;
  readonly onRequire: (
    predicate: (id: string, parentFilename: string) => boolean,
    callback: (exports: any, details: { readonly id: string; readonly parentFilename: string }) => void,
  ) => unknown;
  /** `SIGHTLINE_LOGS=stdout`: the app's line itself becomes the ECS line, and nothing is shipped. */
  readonly stdoutEcs: boolean;
}

interface Keys {
  readonly messageKey: string;
  readonly errorKey: string;
  readonly nestedKey: string | undefined;
}

const keysOfRoot = new WeakMap<object, Keys>();

/** The object in the prototype chain that owns a setting. pino keeps them under symbols of its own, described alike in all versions. */
function holderOf(instance: object, description: string): object | undefined {
  for (let holder: object | null = instance; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    if (symbolOf(holder, description) !== undefined) return holder;
  }
  return undefined;
}

function symbolOf(holder: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(holder).find((candidate) => candidate.description === description);
}

function setting(instance: object, description: string): unknown {
  const holder = holderOf(instance, description);
  const symbol = holder === undefined ? undefined : symbolOf(holder, description);
  return symbol === undefined ? undefined : (instance as Record<symbol, unknown>)[symbol];
}

/** Keys are settings of the root, which is the last but pino's own prototype in the chain; children inherit them. */
function keysOf(instance: PinoInstance): Keys {
  for (let holder: object | null = instance; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    const known = keysOfRoot.get(holder);
    if (known !== undefined) return known;
  }
  const word = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
  const nested = setting(instance, 'pino.nestedKey');
  const keys: Keys = {
    messageKey: word(setting(instance, 'pino.messageKey'), 'msg'),
    errorKey: word(setting(instance, 'pino.errorKey'), 'err'),
    nestedKey: typeof nested === 'string' && nested !== '' ? nested : undefined,
  };
  keysOfRoot.set(holderOf(instance, 'pino.messageKey') ?? instance, keys);
  return keys;
}

/** The error among what was logged: the object itself, or under pino's key, or under `error`. */
function errorIn(object: unknown, errorKey: string): unknown {
  if (object instanceof Error) return object;
  if (typeof object !== 'object' || object === null) return undefined;
  for (const key of [errorKey, 'err', 'error']) {
    const value = Object.getOwnPropertyDescriptor(object, key)?.value as unknown;
    if (value instanceof Error) return value;
  }
  return undefined;
}

function detailsOf(instance: PinoInstance, object: unknown, number: number): PinoLineDetails {
  const keys = keysOf(instance);
  return {
    ...keys,
    levelNumber: number,
    levelLabel: instance.levels.labels[number] ?? String(number),
    error: errorIn(object, keys.errorKey),
  };
}

function versionAbove(toolsParent: string): boolean {
  // pino.js lies in the package's root, the other files that ask for the tools in its lib folder.
  for (const directory of [dirname(toolsParent), dirname(dirname(toolsParent))]) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name !== 'pino') continue;
      const [major = 0, minor = 0] = String(version).split('.').map(Number);
      return major > CHANNEL_SINCE[0] || (major === CHANNEL_SINCE[0] && minor >= CHANNEL_SINCE[1]);
    } catch {
      // Not the root of the package; the next one is.
    }
  }
  return false;
}

/**
 * Picks up every finished line of the app's own pino (8.0 to 10, any number of instances, children, transports). Its output
 * stays as it is. From 9.10 on by pino's tracing channel; before that, and where the output itself is to change, by the function
 * that makes the line, replaced in place when pino loads it. Never both for one copy of pino.
 */
export function instrumentPino({ pipeline, onRequire, stdoutEcs }: PinoInstrumentOptions): {
  stop(): void;
  readonly levels: LogLevelControl;
} {
  const levels = createLogLevelControl();
  let running = true;

  const take = fence('pino line', (instance: PinoInstance, object: unknown, number: number, line: string) => {
    levels.note(instance);
    pipeline.pinoLine(line, detailsOf(instance, object, number));
  });
  const translate = fence('pino line', (instance: PinoInstance, object: unknown, number: number, line: string) => {
    levels.note(instance);
    // pino's own line end, or the one the app configured, stays.
    const end = /\r?\n?$/.exec(line)?.[0] ?? '';
    return pipeline.translate(line, detailsOf(instance, object, number)) + end;
  });

  const onLine = fence('pino channel', (message: unknown) => {
    const {
      instance,
      arguments: args,
      result,
    } = message as { instance?: PinoInstance; arguments?: ArrayLike<unknown>; result?: unknown };
    if (typeof result === 'string' && instance !== undefined) take(instance, args?.[0], Number(args?.[2]), result);
  });
  const lines = channel('tracing:pino_asJson:end');
  if (!stdoutEcs) lines.subscribe(onLine);

  onRequire(
    (id, parentFilename) => TOOLS.test(id) && /[\\/]pino[\\/](?:pino\.js|lib[\\/])/.test(parentFilename),
    (tools: { asJson?: AsJson }, { parentFilename }) => {
      const original = tools.asJson;
      if (typeof original !== 'function' || kWrapped in original) return;
      if (!stdoutEcs && versionAbove(parentFilename)) return;
      const asJson: AsJson = function asJson(object, message, number, time) {
        const line = Reflect.apply(original, this, [object, message, number, time]);
        if (!running || typeof line !== 'string') return line;
        if (stdoutEcs) return translate(this, object, number, line) ?? line;
        take(this, object, number, line);
        return line;
      };
      Object.defineProperty(asJson, kWrapped, { value: true });
      tools.asJson = asJson;
    },
  );

  return {
    levels,
    stop() {
      running = false;
      lines.unsubscribe(onLine);
    },
  };
}
