import { YamlMistake } from './yaml-node.ts';

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
};

/** A scalar on one line. @throws YamlMistake */
export function readScalar(given: string, line: number): { readonly text: string; readonly plain: boolean } {
  const text = given.trim();
  if (text.startsWith('"')) {
    if (!/^"(?:[^"\\]|\\.)*"$/.test(text)) throw new YamlMistake(line, 'got a broken quoted text');
    return { text: unescaped(text.slice(1, -1), line), plain: false };
  }
  if (text.startsWith("'")) {
    if (!/^'(?:[^']|'')*'$/.test(text)) throw new YamlMistake(line, 'got a broken quoted text');
    return { text: text.slice(1, -1).replaceAll("''", "'"), plain: false };
  }
  if (/^[&*!|>%@`]/.test(text))
    throw new YamlMistake(
      line,
      `${text.slice(0, 20)}… is not supported by the local stack's reader; write it plainly or in quotes`,
    );
  return { text, plain: true };
}

function unescaped(text: string, line: number): string {
  return text.replace(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/g, (_, x, u, long, simple) => {
    const code: string | undefined = x ?? u ?? long;
    if (code !== undefined && Number.parseInt(code, 16) <= 0x10_ff_ff)
      return String.fromCodePoint(Number.parseInt(code, 16));
    const character = SIMPLE_ESCAPES[simple as string];
    if (character === undefined) throw new YamlMistake(line, 'got a broken quoted text');
    return character;
  });
}
