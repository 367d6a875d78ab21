import { YamlFlow } from './yaml-flow.ts';
import { plainOf, YamlMistake, type YamlNode, type YamlValue } from './yaml-node.ts';
import { readScalar } from './yaml-scalar.ts';

/** Levels of one document: no configuration has more, and each costs a stack frame. */
const MAX_DEPTH = 64;

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

/**
 * Reads the part of YAML that configurations are written in: block and flow mappings and sequences (so JSON, too),
 * quoted, plain and block scalars, comments. Anchors, aliases, tags and several documents are refused with their line.
 *
 * @throws YamlMistake with the number of the line
 */
export function readYamlNode(text: string): YamlNode {
  const reader = new Reader(text.split(/\r?\n/));
  const value = reader.document();
  reader.finish();
  return value;
}

/** As `readYamlNode`, without positions. Scalars are texts: nothing here needs YAML's guesses about numbers. */
export function readYaml(text: string): YamlValue {
  return plainOf(readYamlNode(text));
}

function withoutComment(line: string): string {
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at]!;
    if (quote !== '') {
      if (character === '\\' && quote === '"') at += 1;
      else if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && /[\s:[,{-]$|^$/.test(line.slice(0, at))) quote = character;
    else if (character === '#' && (at === 0 || /\s/.test(line[at - 1]!))) return line.slice(0, at);
  }
  return line;
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'[\]{},&*!|>%@`#-][^:]*?|-[^\s:][^:]*?)\s*:(?:\s+(.*))?$/;
const BLOCK_SCALAR = /^([|>])(?:([+-])([1-9])?|([1-9])([+-])?)?$/;

class Reader {
  readonly #raw: string[];
  #at = 0;
  #depth = 0;

  constructor(raw: string[]) {
    this.#raw = raw;
  }

  document(): YamlNode {
    const first = this.#peek();
    if (first !== undefined && /^[[{]/.test(first.text)) {
      this.#at = first.number;
      return this.#value(first.text, first, -1);
    }
    return this.#block(0, first?.number ?? 1);
  }

  finish(): void {
    const line = this.#peek();
    if (line !== undefined) throw new YamlMistake(line.number, `unexpected indentation: ${line.text.slice(0, 60)}`);
  }

  /** The next line that says something; it becomes the one at which the reader stands. */
  #peek(): Line | undefined {
    for (; this.#at < this.#raw.length; this.#at += 1) {
      const content = withoutComment(this.#raw[this.#at]!);
      const text = content.trim();
      if (text === '' || (text === '---' && content.startsWith('-'))) continue;
      if (/^\s*\t/.test(content)) throw new YamlMistake(this.#at + 1, 'got a tab, wanted spaces');
      return { number: this.#at + 1, indent: content.length - content.trimStart().length, text };
    }
    return undefined;
  }

  #block(least: number, line: number): YamlNode {
    const first = this.#peek();
    if (first === undefined || first.indent < least) return { kind: 'null', line };
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new YamlMistake(first.number, `got more than ${MAX_DEPTH} levels`);
    const node = isItem(first) ? this.#sequence(first) : this.#mapping(first);
    this.#depth -= 1;
    return node;
  }

  #sequence({ indent, number }: Line): YamlNode {
    const items: YamlNode[] = [];
    for (let line = this.#peek(); line !== undefined && line.indent === indent && isItem(line); line = this.#peek()) {
      const rest = line.text.slice(1).trimStart();
      if (rest === '') {
        this.#at += 1;
        items.push(this.#block(indent + 1, line.number));
      } else if (KEY.test(rest) || rest.startsWith('- ')) {
        // `- key: value` opens a block whose indent is where its key stands.
        const raw = this.#raw[this.#at]!;
        this.#raw[this.#at] = `${' '.repeat(indent)} ${raw.slice(indent + 1)}`;
        items.push(this.#block(indent + 1, line.number));
      } else {
        this.#at += 1;
        items.push(this.#value(rest, line, indent));
      }
    }
    return { kind: 'list', items, line: number };
  }

  #mapping({ indent, number }: Line): YamlNode {
    const entries = new Map<string, { line: number; value: YamlNode }>();
    for (let line = this.#peek(); line !== undefined && line.indent === indent && !isItem(line); line = this.#peek()) {
      const match = KEY.exec(line.text);
      if (match === null)
        throw new YamlMistake(line.number, `got ${JSON.stringify(line.text.slice(0, 60))}, wanted key: value`);
      const key = readScalar(match[1]!, line.number).text;
      if (entries.has(key)) throw new YamlMistake(line.number, `key ${key} twice`);
      this.#at += 1;
      const value =
        match[2] === undefined || match[2] === ''
          ? this.#blockOfKey(indent, line.number)
          : this.#value(match[2], line, indent);
      entries.set(key, { line: line.number, value });
    }
    return { kind: 'map', entries, line: number };
  }

  /** A sequence may stand at the indent of its key. */
  #blockOfKey(indent: number, line: number): YamlNode {
    const next = this.#peek();
    return this.#block(next !== undefined && next.indent === indent && isItem(next) ? indent : indent + 1, line);
  }

  /** What stands after a key or a dash; the reader stands at the next line. */
  #value(text: string, line: Line, parentIndent: number): YamlNode {
    const header = BLOCK_SCALAR.exec(text.trim());
    if (header !== null)
      return this.#blockScalar(
        { folded: header[1] === '>', chomp: header[2] ?? header[5] ?? '', indent: Number(header[3] ?? header[4] ?? 0) },
        line,
        parentIndent,
      );
    if (/^[[{]/.test(text)) return this.#flow(text, line);
    let whole = text;
    if (!/^["']/.test(text)) {
      for (let next = this.#peek(); next !== undefined && next.indent > parentIndent; next = this.#peek()) {
        if (isItem(next) || KEY.test(next.text)) break;
        whole += ` ${next.text}`;
        this.#at += 1;
      }
    }
    const { text: value, plain } = readScalar(whole, line.number);
    return plain && (value === '~' || value === 'null')
      ? { kind: 'null', line: line.number }
      : { kind: 'scalar', text: value, line: line.number };
  }

  #flow(text: string, line: Line): YamlNode {
    const flow = new YamlFlow(line.number);
    let piece: string | undefined = text;
    while (!flow.add(piece)) {
      if (this.#at >= this.#raw.length) throw new YamlMistake(line.number, `${text.slice(0, 20)}… has no end`);
      piece = withoutComment(this.#raw[this.#at]!);
      this.#at += 1;
    }
    return flow.read();
  }

  #blockScalar(
    style: { readonly folded: boolean; readonly chomp: string; readonly indent: number },
    line: Line,
    parentIndent: number,
  ): YamlNode {
    const lines: string[] = [];
    let indent = style.indent === 0 ? -1 : Math.max(parentIndent, 0) + style.indent;
    for (; this.#at < this.#raw.length; this.#at += 1) {
      const raw = this.#raw[this.#at]!;
      if (raw.trim() === '') {
        lines.push('');
        continue;
      }
      const own = raw.length - raw.trimStart().length;
      if (own <= parentIndent) break;
      if (indent < 0) indent = own;
      if (own < indent) break;
      lines.push(raw.slice(indent));
    }
    while (style.chomp !== '+' && lines.at(-1) === '') lines.pop();
    const body = style.folded ? fold(lines) : lines.join('\n');
    return { kind: 'scalar', text: style.chomp === '-' || lines.length === 0 ? body : `${body}\n`, line: line.number };
  }
}

/** Line ends become blanks; an empty line is a line end; what is indented further keeps its lines. */
function fold(lines: readonly string[]): string {
  let text = lines[0] ?? '';
  for (let at = 1; at < lines.length; at += 1) {
    const [before, line] = [lines[at - 1]!, lines[at]!];
    if (line === '' || line.startsWith(' ') || before.startsWith(' ')) text += `\n${line}`;
    else if (before === '') text += at === 1 || text.endsWith('\n') ? line : `\n${line}`;
    else text += ` ${line}`;
  }
  return text;
}

function isItem(line: Line): boolean {
  return line.text === '-' || line.text.startsWith('- ');
}
