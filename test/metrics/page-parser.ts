/**
 * A strict reader of what a scraper reads: Prometheus text 0.0.4 and OpenMetrics 1.0.0. It throws on anything that the
 * grammar does not allow, so that a page that passes is a page that every scraper takes.
 */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar:
    | { readonly labels: Readonly<Record<string, string>>; readonly value: number; readonly time: number | undefined }
    | undefined;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  help: string | undefined;
  unit: string | undefined;
  readonly samples: Sample[];
}

class Scanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  take(literal: string): void {
    if (!this.text.startsWith(literal, this.at)) this.fail(`wanted ${JSON.stringify(literal)}`);
    this.at += literal.length;
  }

  sees(literal: string): boolean {
    return this.text.startsWith(literal, this.at);
  }

  match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) this.fail(`wanted ${pattern}`);
    this.at += (found as string).length;
    return found as string;
  }

  quoted(): string {
    this.take('"');
    let value = '';
    for (;;) {
      const character = this.text[this.at];
      if (character === undefined || character === '\n' || character === '\0') this.fail('a label value does not end');
      this.at += 1;
      if (character === '"') return value;
      if (character !== '\\') value += character;
      else {
        const escaped = this.text[this.at];
        this.at += 1;
        if (escaped === 'n') value += '\n';
        else if (escaped === '\\' || escaped === '"') value += escaped;
        else this.fail(`unknown escape \\${escaped}`);
      }
    }
  }

  number(): number {
    const text = this.match(/[+-]?(?:Inf|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)|NaN/y);
    return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
  }

  labels(): Record<string, string> {
    const labels: Record<string, string> = Object.create(null);
    if (!this.sees('{')) return labels;
    this.take('{');
    for (let first = true; !this.sees('}'); first = false) {
      if (!first) this.take(',');
      const name = this.match(/[a-zA-Z_][a-zA-Z0-9_]*/y);
      if (name in labels) this.fail(`label ${name} twice`);
      this.take('=');
      labels[name] = this.quoted();
    }
    this.take('}');
    return labels;
  }

  fail(why: string): never {
    const start = this.text.lastIndexOf('\n', this.at - 1) + 1;
    throw new SyntaxError(`${why} at ${JSON.stringify(this.text.slice(start, this.at + 40))}`);
  }
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  'text histogram': ['_bucket', '_sum', '_count'],
  'text summary': ['', '_sum', '_count'],
  'openmetrics histogram': ['_bucket', '_sum', '_count'],
  'openmetrics summary': ['', '_sum', '_count'],
  'openmetrics counter': ['_total'],
  'openmetrics info': ['_info'],
};

function byName([one]: readonly [string, string], [two]: readonly [string, string]): number {
  return one < two ? -1 : 1;
}

function unescapeHelp(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

export function parsePage(page: string, format: 'text' | 'openmetrics'): Map<string, ParsedFamily> {
  const families = new Map<string, ParsedFamily>();
  const seen = new Set<string>();
  const help = new Map<string, string>();
  let current: ParsedFamily | undefined;
  let body = page;
  if (format === 'openmetrics') {
    if (!page.endsWith('# EOF\n')) throw new SyntaxError('no # EOF at the end');
    body = page.slice(0, -'# EOF\n'.length);
  }
  if (body !== '' && !body.endsWith('\n')) throw new SyntaxError('the last line has no end');
  const scanner = new Scanner(body);
  while (!scanner.done) {
    if (scanner.sees('# HELP ')) {
      scanner.take('# HELP ');
      const name = scanner.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
      scanner.take(' ');
      if (help.has(name)) scanner.fail(`HELP of ${name} twice`);
      help.set(name, unescapeHelp(scanner.match(/[^\n]*/y)));
    } else if (scanner.sees('# TYPE ')) {
      scanner.take('# TYPE ');
      const name = scanner.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
      scanner.take(' ');
      const type = scanner.match(
        format === 'text'
          ? /counter|gauge|histogram|summary|untyped/y
          : /counter|gauge|histogram|summary|info|unknown/y,
      );
      if (families.has(name)) scanner.fail(`TYPE of ${name} twice`);
      current = { name, type, help: help.get(name), unit: undefined, samples: [] };
      families.set(name, current);
    } else if (scanner.sees('# UNIT ') && format === 'openmetrics') {
      scanner.take('# UNIT ');
      const name = scanner.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
      scanner.take(' ');
      const unit = scanner.match(/[a-z]+/y);
      if (current?.name !== name || !name.endsWith(`_${unit}`)) scanner.fail('UNIT of another family');
      (current as ParsedFamily).unit = unit;
    } else {
      const name = scanner.match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
      if (current === undefined) scanner.fail('a sample before any TYPE');
      const allowed = SUFFIXES[`${format} ${(current as ParsedFamily).type}`] ?? [''];
      if (
        !allowed.includes(name.slice((current as ParsedFamily).name.length)) ||
        !name.startsWith((current as ParsedFamily).name)
      ) {
        scanner.fail(`${name} is no sample of ${(current as ParsedFamily).type} ${(current as ParsedFamily).name}`);
      }
      const labels = scanner.labels();
      scanner.take(' ');
      const value = scanner.number();
      let exemplar: Sample['exemplar'];
      if (format === 'openmetrics' && scanner.sees(' # ')) {
        scanner.take(' # ');
        const exemplarLabels = scanner.labels();
        scanner.take(' ');
        const exemplarValue = scanner.number();
        let time: number | undefined;
        if (scanner.sees(' ')) {
          scanner.take(' ');
          time = scanner.number();
        }
        if (!name.endsWith('_bucket') && !name.endsWith('_total')) scanner.fail('an exemplar where none may be');
        exemplar = { labels: exemplarLabels, value: exemplarValue, time };
      }
      const key = `${name}${JSON.stringify(Object.entries(labels).toSorted(byName))}`;
      if (seen.has(key)) scanner.fail(`series twice: ${key}`);
      seen.add(key);
      (current as ParsedFamily).samples.push({ name, labels, value, exemplar });
    }
    scanner.take('\n');
  }
  for (const family of families.values()) checkHistogram(family);
  return families;
}

/** Cumulative, with +Inf equal to the count, exemplars inside of their bucket. */
function checkHistogram(family: ParsedFamily): void {
  if (family.type !== 'histogram') return;
  const groups = new Map<string, Sample[]>();
  for (const sample of family.samples) {
    const { le: _, ...rest } = sample.labels;
    const key = JSON.stringify(Object.entries(rest).toSorted(byName));
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const group of groups.values()) {
    let below = -Infinity;
    let count = 0;
    for (const { name, labels, value, exemplar } of group) {
      if (!name.endsWith('_bucket')) continue;
      const le = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
      if (!(le > below) || value < count) throw new SyntaxError(`buckets of ${family.name} are out of order`);
      if (exemplar !== undefined && !(exemplar.value <= le && exemplar.value > below))
        throw new SyntaxError(`an exemplar of ${family.name} is outside of its bucket`);
      below = le;
      count = value;
    }
    if (below !== Infinity) throw new SyntaxError(`${family.name} has no +Inf bucket`);
    if (group.find(({ name }) => name.endsWith('_count'))?.value !== count)
      throw new SyntaxError(`${family.name}: count and +Inf differ`);
  }
}
