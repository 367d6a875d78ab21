/** Scalars are texts: nothing here needs YAML's guesses about numbers and booleans. */
export type YamlValue = string | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

/**
 * Reads the part of YAML that a `prometheus.yml` is written in: block mappings and sequences, flow sequences of
 * scalars, quoted and plain scalars, comments. Anchors, tags, block scalars, flow mappings and several documents are
 * refused with their line.
 *
 * @throws Error with the number of the line
 */
export function readYaml(text: string): YamlValue {
  const lines = text.split(/\r?\n/).flatMap((raw, index): Line[] => {
    const content = withoutComment(raw);
    if (content.trim() === '' || content.trim() === '---') return [];
    if (/^\s*\t/.test(content)) throw new Error(`line ${index + 1}: got a tab, wanted spaces`);
    return [{ number: index + 1, indent: content.length - content.trimStart().length, text: content.trim() }];
  });
  const reader = new Reader(lines);
  const value = reader.block(0);
  reader.finish();
  return value;
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

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  finish(): void {
    const line = this.#lines[this.#at];
    if (line !== undefined) throw new Error(`line ${line.number}: unexpected indentation: ${line.text.slice(0, 60)}`);
  }

  block(least: number): YamlValue {
    const first = this.#lines[this.#at];
    if (first === undefined || first.indent < least) return null;
    return isItem(first) ? this.#sequence(first.indent) : this.#mapping(first.indent);
  }

  #sequence(indent: number): YamlValue {
    const items: YamlValue[] = [];
    for (
      let line = this.#lines[this.#at];
      line !== undefined && line.indent === indent && isItem(line);
      line = this.#lines[this.#at]
    ) {
      const rest = line.text.slice(1).trimStart();
      if (rest === '') {
        this.#at += 1;
        items.push(this.block(indent + 1));
      } else if (KEY.test(rest) || rest.startsWith('- ')) {
        // `- key: value` opens a block whose indent is where its key stands.
        this.#lines[this.#at] = { number: line.number, indent: indent + line.text.length - rest.length, text: rest };
        items.push(this.block(indent + 1));
      } else {
        this.#at += 1;
        items.push(scalar(rest, line.number));
      }
    }
    return items;
  }

  #mapping(indent: number): YamlValue {
    const entries: [string, YamlValue][] = [];
    const seen = new Set<string>();
    for (
      let line = this.#lines[this.#at];
      line !== undefined && line.indent === indent && !isItem(line);
      line = this.#lines[this.#at]
    ) {
      const match = KEY.exec(line.text);
      if (match === null)
        throw new Error(`line ${line.number}: got ${JSON.stringify(line.text.slice(0, 60))}, wanted key: value`);
      const key = String(scalar(match[1]!, line.number));
      if (seen.has(key)) throw new Error(`line ${line.number}: key ${key} twice`);
      seen.add(key);
      this.#at += 1;
      const next = this.#lines[this.#at];
      // A sequence may stand at the indent of its key.
      const least = next !== undefined && next.indent === indent && isItem(next) ? indent : indent + 1;
      entries.push([
        key,
        match[2] === undefined || match[2] === '' ? this.block(least) : scalar(match[2], line.number),
      ]);
    }
    return Object.fromEntries(entries);
  }
}

function isItem(line: Line): boolean {
  return line.text === '-' || line.text.startsWith('- ');
}

function scalar(text: string, lineNumber: number): YamlValue {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return flowSequence(trimmed, lineNumber);
  if (trimmed === '{}') return {};
  if (/^[&*!|>{%@`]/.test(trimmed))
    throw new Error(
      `line ${lineNumber}: ${trimmed.slice(0, 20)}… is not supported by the local stack's reader; write it plainly`,
    );
  if (trimmed.startsWith('"')) {
    try {
      return JSON.parse(trimmed) as string;
    } catch {
      throw new Error(`line ${lineNumber}: got a broken quoted text`);
    }
  }
  if (trimmed.startsWith("'")) {
    if (!/^'(?:[^']|'')*'$/.test(trimmed)) throw new Error(`line ${lineNumber}: got a broken quoted text`);
    return trimmed.slice(1, -1).replaceAll("''", "'");
  }
  return trimmed === '~' || trimmed === 'null' ? null : trimmed;
}

function flowSequence(text: string, lineNumber: number): YamlValue {
  if (!text.endsWith(']')) throw new Error(`line ${lineNumber}: a flow sequence must end on its line`);
  const inner = text.slice(1, -1).trim();
  if (inner === '') return [];
  const items = inner.match(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]+/g) ?? [];
  return items
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => scalar(item, lineNumber));
}
