const UNITS: readonly (readonly [unit: string, millis: number])[] = [
  ['y', 31_536_000_000],
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];
/** What fits into 64 bits of nanoseconds, as Prometheus keeps durations. */
export const MAX_DURATION_SECONDS = 2 ** 63 / 1e9;

/** A duration that is none; `message` is Prometheus's. */
export class DurationError extends Error {}

/**
 * Reads a duration such as `5m`, `1h30m` or `0`: units fall, each once.
 *
 * @returns milliseconds
 * @throws DurationError
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  if (text === '') throw new DurationError('empty duration string');
  let millis = 0;
  let last = -1;
  const part = /(\d+)([^\d]+)/y;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) throw new DurationError(`not a valid duration string: ${JSON.stringify(text)}`);
    const at = UNITS.findIndex(([unit]) => unit === match[2]);
    if (at < 0) throw new DurationError(`unknown unit ${JSON.stringify(match[2])} in duration ${JSON.stringify(text)}`);
    if (at <= last) throw new DurationError(`not a valid duration string: ${JSON.stringify(text)}`);
    last = at;
    millis += Number(match[1]) * UNITS[at]![1];
    if (millis / 1000 > MAX_DURATION_SECONDS) throw new DurationError('duration out of range');
  }
  return millis;
}

/** `90000` → `1m30s`; years and weeks only when nothing is left over. */
export function durationText(millis: number): string {
  if (millis === 0) return '0s';
  let rest = Math.trunc(Math.abs(millis));
  let text = '';
  for (const [unit, size] of UNITS) {
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return millis < 0 ? `-${text}` : text;
}

/**
 * Reads a number as Go's `ParseInt(_, 0)` or `ParseFloat` does: decimal, hexadecimal, octal, binary, `Inf`, `NaN`,
 * underscores between digits only with a prefix.
 *
 * @returns undefined when it is none
 */
export function parseNumber(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (/^[+-]?(?:inf|infinity)$/.test(lower))
    return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (lower === 'nan') return Number.NaN;
  const sign = lower.startsWith('-') ? -1 : 1;
  const digits = lower.replace(/^[+-]/, '');
  if (/^0[xob]/.test(digits)) {
    const plain =
      digits.slice(0, 2) +
      digits
        .slice(2)
        .replace(/^_/, '')
        .replace(/(?<=[\da-f])_(?=[\da-f])/g, '');
    return /^0(?:x[\da-f]+|o[0-7]+|b[01]+)$/.test(plain) ? sign * Number(plain) : undefined;
  }
  // A leading zero makes an integer octal, as long as it can be one.
  if (/^0[0-7_]+$/.test(digits) && /^0(?:_?[0-7]+)*$/.test(digits))
    return sign * Number.parseInt(digits.replaceAll('_', ''), 8);
  const plain = /^\d+(?:_\d+)+$/.test(digits) ? digits.replaceAll('_', '') : digits;
  return /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/.test(plain) ? sign * Number(plain) : undefined;
}

const NUMBER_WORDS: Readonly<Record<string, string>> = { Infinity: '+Inf', '-Infinity': '-Inf', NaN: 'NaN' };

/** As Go's `FormatFloat(value, 'f', -1, 64)`: shortest digits that read back the same, never an exponent. */
export function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (NUMBER_WORDS[text] !== undefined) return NUMBER_WORDS[text];
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', first = '', fraction = '', exponent = ''] = match;
  const power = Number(exponent);
  const digits = first + fraction;
  return power < 0 ? `${sign}0.${'0'.repeat(-power - 1)}${digits}` : `${sign}${digits.padEnd(power + 1, '0')}`;
}

/** As Go's `%g`: an exponent below 1e-4 and from 1e21. */
export function shortFloatText(value: number): string {
  const plain = floatText(value);
  if (!Number.isFinite(value) || value === 0) return plain;
  const [, mantissa = '', power = ''] = /^(.*)e([+-]\d+)$/.exec(value.toExponential())!;
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 21) return plain;
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/**
 * The value of a string literal that the lexer has accepted. A byte written as `\xNN` that makes no UTF-8 is kept as a
 * lone surrogate (U+DC00 + byte), so that such a value is not taken for a valid label.
 */
export function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('`') || !inner.includes('\\')) return inner;
  const bytes: number[] = [];
  const sequence = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))|([^\\]+)/gsu;
  for (const [, hex, short, long, octal, single, plain] of inner.matchAll(sequence)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else {
      const point = short ?? long;
      const text =
        point === undefined ? (plain ?? ESCAPES[single!] ?? single!) : String.fromCodePoint(Number.parseInt(point, 16));
      for (const byte of Buffer.from(text)) bytes.push(byte);
    }
  }
  return decodeKeeping(Buffer.from(bytes));
}

function decodeKeeping(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  let decoded = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => {
      const part = bytes.subarray(at, at + size).toString('utf8');
      return !part.includes('\ufffd') && at + size <= bytes.length;
    });
    decoded +=
      length === undefined
        ? String.fromCharCode(0xdc00 + bytes[at]!)
        : bytes.subarray(at, at + length).toString('utf8');
    at += length ?? 1;
  }
  return decoded;
}

/** A string as Go's `strconv.Quote` writes it. */
export function quote(value: string): string {
  return `"${value.replace(/["\\\u0000-\u001f\u007f\ud800-\udfff]/g, (unit) => {
    const code = unit.charCodeAt(0);
    if (unit === '"' || unit === '\\') return `\\${unit}`;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    if (code >= 0xd800) return unit;
    const named = Object.entries(ESCAPES).find(([, escaped]) => escaped === unit)?.[0];
    return named === undefined ? `\\x${code.toString(16).padStart(2, '0')}` : `\\${named}`;
  })}"`;
}
