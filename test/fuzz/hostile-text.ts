import type { Random } from './random.ts';

/** What has broken parsers, formats and terminals before; joined to longer texts. */
const PIECES: readonly string[] = [
  '',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\0',
  '\u007f',
  '\u0085',
  '\u2028',
  '\u2029',
  '\ufeff',
  '\ud800',
  '\udfff',
  '\ud83d\ude00',
  'e\u0301',
  'İ',
  'ß',
  '٣',
  '\u202e',
  '"',
  "'",
  '`',
  '\\',
  '\\"',
  '\\u0000',
  '/',
  '..',
  '../../etc/passwd',
  '%',
  '%00',
  '%0d%0a',
  '%ZZ',
  '%E0%A4%A',
  '=',
  ';',
  ',',
  ':',
  '|',
  '#',
  '@',
  '&',
  '?',
  '*',
  '$',
  '{',
  '}',
  '[',
  ']',
  '<script>',
  '-->',
  ']]>',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'null',
  'undefined',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '0x10',
  '18446744073709551616',
  '-9223372036854775809',
  '00',
  'ff',
  '0'.repeat(32),
  'a',
  'Z',
  'eyJhbGciOiJIUzI1NiJ9.',
  'http://',
  '[::1]',
  '+Inf',
  '|c',
  ':1|c',
  '|#',
  '|@0.1',
  '# EOF',
  '# HELP ',
  '# TYPE ',
  '{le="',
];

/** Characters of one text at most; rare ones are this long. */
const MOST = 20_000;

/** Text that means harm, of any characters. */
export function hostileText(random: Random, most = MOST): string {
  if (random.oneIn(100)) return random.pick(PIECES).repeat(random.below(most)).slice(0, most);
  let text = '';
  const pieces = random.size(Math.ceil(most / 4));
  for (let at = 0; at < pieces && text.length < most; at += 1) {
    text += random.oneIn(3)
      ? String.fromCharCode(random.oneIn(4) ? random.bits() & 0xffff : random.between(32, 126))
      : random.pick(PIECES);
  }
  return text.slice(0, most);
}

/** Letters and digits, for what has to be ordinary now and then. */
export function plainText(random: Random, most = 12): string {
  return random.times(random.between(1, most), () => random.pick([...'abcdefghijklmnopqrstuvwxyz0123456789'])).join('');
}

/** Names of fields, labels, keys: ordinary ones, names with a meaning, and hostile ones. */
export function hostileName(random: Random): string {
  const kind = random.below(6);
  if (kind === 0) return hostileText(random, 400);
  if (kind === 1) return random.pick(PIECES);
  if (kind === 2) return `${plainText(random)}.${plainText(random)}`;
  if (kind === 3)
    return random.pick([
      'msg',
      'err',
      'error',
      'level',
      'time',
      'pid',
      'hostname',
      'name',
      'message',
      'trace.id',
      '@timestamp',
      '_id',
      'service',
      'a.b.c',
      'id',
      'tags',
    ]);
  return plainText(random);
}

const HEX = [...'0123456789abcdef'];

/** Hexadecimal digits, mostly as many as asked for. */
export function hexDigits(random: Random, length: number): string {
  const wanted = random.oneIn(8) ? random.below(length * 2) : length;
  if (random.oneIn(12)) return random.pick(['0', 'f']).repeat(wanted);
  const text = random.times(wanted, () => random.pick(HEX)).join('');
  return random.oneIn(12) ? text.toUpperCase() : text;
}

/** A text that was valid, changed in a few places. */
export function mutate(random: Random, text: string): string {
  let result = text;
  for (let left = random.size(12); left > 0; left -= 1) {
    const at = random.below(result.length + 1);
    const kind = random.below(7);
    if (kind === 0) result = result.slice(0, at) + random.pick(PIECES) + result.slice(at);
    else if (kind === 1) result = result.slice(0, at) + result.slice(at + random.size(20));
    else if (kind === 2)
      result = result.slice(0, at) + String.fromCharCode(random.bits() & 0xff) + result.slice(at + 1);
    else if (kind === 3)
      result = result.slice(0, at) + result.slice(Math.max(0, at - random.size(40)), at) + result.slice(at);
    else if (kind === 4) result = result.slice(0, at);
    else if (kind === 5) result = result.slice(0, at) + hostileText(random, 200) + result.slice(at);
    else {
      const other = random.below(result.length + 1);
      const [from, to] = at < other ? [at, other] : [other, at];
      result = result.slice(0, from) + result.slice(to) + result.slice(from, to);
    }
  }
  return result;
}

/** Bytes that were valid, changed in a few places. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let left = random.between(1, 6); left > 0; left -= 1) {
    const at = random.below(result.length + 1);
    const kind = random.below(6);
    if (kind === 0 && at < result.length) result[at] = random.bits() & 0xff;
    else if (kind === 1 && at < result.length) result[at] = (result[at] as number) ^ (1 << random.below(8));
    else if (kind === 2) result = result.subarray(0, at);
    else if (kind === 3)
      result = Buffer.concat([result.subarray(0, at), result.subarray(Math.min(result.length, at + random.size(64)))]);
    else if (kind === 4)
      result = Buffer.concat([
        result.subarray(0, at),
        Buffer.from(random.times(random.size(64), () => random.bits() & 0xff)),
        result.subarray(at),
      ]);
    else if (at + 4 <= result.length)
      result.writeUInt32LE(random.pick([0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 0x80000000]), at);
  }
  return result;
}
