import { isError } from '../logs/error-fields.ts';
import type { ErrorTreatment, PinoLineDetails } from '../logs/pino-document.ts';

/** A pino instance, as far as it is looked at. */
export interface PinoInstance {
  level: string;
  readonly levels: { readonly labels: Readonly<Record<number, string>> };
  bindings?(): Record<string, unknown>;
}

/** pino keeps its settings under symbols of its own, other ones in every copy; their descriptions are the same in all versions. */
interface SettingSymbols {
  readonly messageKey: symbol;
  readonly errorKey: symbol | undefined;
  readonly nestedKey: symbol | undefined;
  readonly levelTexts: symbol | undefined;
  readonly stream: symbol | undefined;
  readonly serializers: symbol | undefined;
  readonly stringifiers: symbol | undefined;
}

/** Copies of pino that are known at a time. */
const MAX_COPIES = 50;
const copies: SettingSymbols[] = [];
/** Keys looked through for an error that was logged under a name of its own. */
const MAX_SEARCHED_KEYS = 32;
/** From this level on an error is searched for under any name: pino's `warn`. */
const SEARCH_LEVEL = 40;

function symbolNamed(instance: object, description: string): symbol | undefined {
  for (let holder: object | null = instance; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    const found = Object.getOwnPropertySymbols(holder).find((candidate) => candidate.description === description);
    if (found !== undefined) return found;
  }
  return undefined;
}

function symbolsOf(instance: PinoInstance): SettingSymbols | undefined {
  for (const known of copies) if (known.messageKey in instance) return known;
  const messageKey = symbolNamed(instance, 'pino.messageKey');
  if (messageKey === undefined) return undefined;
  const found: SettingSymbols = {
    messageKey,
    errorKey: symbolNamed(instance, 'pino.errorKey'),
    nestedKey: symbolNamed(instance, 'pino.nestedKey'),
    levelTexts: symbolNamed(instance, 'pino.lsCache'),
    stream: symbolNamed(instance, 'pino.stream'),
    serializers: symbolNamed(instance, 'pino.serializers'),
    stringifiers: symbolNamed(instance, 'pino.stringifiers'),
  };
  if (copies.length >= MAX_COPIES) copies.shift();
  copies.unshift(found);
  return found;
}

function setting(instance: object, symbol: symbol | undefined): unknown {
  return symbol === undefined ? undefined : (instance as Record<symbol, unknown>)[symbol];
}

function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function errorUnder(object: object, name: string): boolean {
  return isError(Object.getOwnPropertyDescriptor(object, name)?.value);
}

/** Under which name the logged object holds an error. Getters are not called; a hostile proxy has none. */
function errorNameIn(object: unknown, errorKey: string, levelNumber: number): string | undefined {
  if (typeof object !== 'object' || object === null) return undefined;
  try {
    if (errorUnder(object, errorKey)) return errorKey;
    if (errorKey !== 'err' && errorUnder(object, 'err')) return 'err';
    if (errorKey !== 'error' && errorUnder(object, 'error')) return 'error';
    if (levelNumber < SEARCH_LEVEL) return undefined;
    let searched = 0;
    for (const name in object) {
      if (errorUnder(object, name)) return name;
      searched += 1;
      if (searched >= MAX_SEARCHED_KEYS) break;
    }
  } catch {
    // Whatever it is, pino has dealt with it.
  }
  return undefined;
}

/** What the logger is told to do with a field: pino keeps what its `redact` is about as functions that write the field. */
function treatmentOf(
  instance: PinoInstance,
  symbols: SettingSymbols | undefined,
  name: string,
  errorKey: string,
): ErrorTreatment {
  const stringifiers = setting(instance, symbols?.stringifiers);
  if (typeof stringifiers === 'object' && stringifiers !== null) {
    const everywhere = Object.getOwnPropertySymbols(stringifiers).some(
      (symbol) =>
        symbol.description === 'pino.wildcardFirst' &&
        typeof (stringifiers as Record<symbol, unknown>)[symbol] === 'function',
    );
    if (everywhere || name in stringifiers) return 'redacted';
  }
  const serializers = setting(instance, symbols?.serializers);
  if (typeof serializers !== 'object' || serializers === null) return 'none';
  return name in serializers || (name === errorKey && 'err' in serializers) ? 'serialised' : 'none';
}

/** What must be known beside the text of a line: from the instance and from the arguments of pino's `asJson`. */
export function lineDetails(
  instance: PinoInstance,
  object: unknown,
  levelNumber: number,
  timeText: unknown,
): PinoLineDetails {
  const symbols = symbolsOf(instance);
  const errorKey = word(setting(instance, symbols?.errorKey), 'err');
  const nestedKey = setting(instance, symbols?.nestedKey);
  const texts = setting(instance, symbols?.levelTexts) as Record<number, string> | undefined;
  const levelText = texts?.[levelNumber];
  // pino below 9 hands over the error itself, later ones an object that holds it.
  const isItself = isError(object);
  const errorName = isItself ? errorKey : errorNameIn(object, errorKey, levelNumber);
  return {
    levelNumber,
    levelLabel: instance.levels?.labels?.[levelNumber] ?? String(levelNumber),
    messageKey: word(setting(instance, symbols?.messageKey), 'msg'),
    errorKey,
    nestedKey: typeof nestedKey === 'string' && nestedKey !== '' ? nestedKey : undefined,
    levelText: typeof levelText === 'string' ? levelText : '',
    timeText: typeof timeText === 'string' ? timeText : '',
    object,
    error: isItself ? object : errorName === undefined ? undefined : (object as Record<string, unknown>)[errorName],
    errorName,
    errorTreatment: errorName === undefined ? 'none' : treatmentOf(instance, symbols, errorName, errorKey),
  };
}

/** Whether lines of this logger go to a worker thread of pino, whose targets are chosen by pino's own fields. */
export function writesToWorker(instance: PinoInstance): boolean {
  const stream = setting(instance, symbolsOf(instance)?.stream);
  return typeof stream === 'object' && stream !== null && 'worker' in stream;
}
