/** Go's and Prometheus's bound of one repetition count. */
const MAX_REPEAT = 1000;

const ANY = '[\\s\\S]';
const NOT_BREAK = '[^\\n]';
/** What a class escape of RE2 stands for inside of brackets: ASCII only, unlike JavaScript's. */
const CLASSES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
};
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const CONTROLS: Readonly<Record<string, string>> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

/**
 * Compiles an expression of RE2, the language of Go and so of Prometheus, into a JavaScript one that matches the same.
 * What JavaScript has and RE2 has not (look-around, back-references) is refused, as RE2 refuses it.
 * Source: github.com/google/re2/wiki/Syntax.
 *
 * @throws SyntaxError worded as Go words it
 */
export function compileRe2(pattern: string, options: { anchored: boolean; dotAll: boolean }): RegExp {
  const body = new Translator(pattern, options.dotAll).translate();
  try {
    return new RegExp(options.anchored ? `^(?:${body})$` : body, 'u');
  } catch {
    throw new SyntaxError(`error parsing regexp: invalid or unsupported syntax: \`${pattern}\``);
  }
}

class Translator {
  readonly #pattern: string;
  readonly #outer: Flags[] = [];
  #flags: Flags;
  #at = 0;
  #output = '';
  /** Something stands before, that a repetition can repeat. */
  #repeatable = false;

  constructor(pattern: string, dotAll: boolean) {
    this.#pattern = pattern;
    this.#flags = { ignoreCase: false, dotAll, multiline: false };
  }

  translate(): string {
    while (this.#at < this.#pattern.length) this.#step();
    if (this.#outer.length > 0) this.#fail('missing closing )', this.#pattern);
    return this.#output;
  }

  #fail(reason: string, where: string): never {
    throw new SyntaxError(`error parsing regexp: ${reason}: \`${where}\``);
  }

  #emit(text: string): void {
    this.#output += text;
    this.#repeatable = true;
  }

  #step(): void {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!);
    switch (character) {
      case '\\':
        this.#escape();
        return;
      case '[':
        this.#class();
        return;
      case '(':
        this.#open();
        return;
      case ')': {
        const flags = this.#outer.pop();
        if (flags === undefined) this.#fail('unexpected )', this.#pattern);
        this.#flags = flags;
        this.#at += 1;
        this.#emit(')');
        return;
      }
      case '|':
        this.#at += 1;
        this.#output += '|';
        this.#repeatable = false;
        return;
      case '*':
      case '+':
      case '?':
        this.#repeat(character);
        return;
      case '{': {
        const counted = /^\{(\d+)(?:,(\d*))?\}/.exec(this.#pattern.slice(this.#at));
        if (counted === null) break;
        const [text, least, most] = counted;
        if (Number(least) > MAX_REPEAT || Number(most ?? 0) > MAX_REPEAT || Number(most || least) < Number(least))
          this.#fail('invalid repeat count', text);
        this.#repeat(text);
        return;
      }
      case '.':
        this.#at += 1;
        this.#emit(this.#flags.dotAll ? ANY : NOT_BREAK);
        return;
      case '^':
        this.#at += 1;
        this.#emit(this.#flags.multiline ? `(?<!${NOT_BREAK})` : `(?<!${ANY})`);
        return;
      case '$':
        this.#at += 1;
        this.#emit(this.#flags.multiline ? `(?!${NOT_BREAK})` : `(?!${ANY})`);
        return;
    }
    this.#at += character.length;
    this.#literal(character);
  }

  #literal(character: string): void {
    const lower = character.toLowerCase();
    const upper = character.toUpperCase();
    if (this.#flags.ignoreCase && lower !== upper && lower.length === upper.length) this.#emit(`[${lower}${upper}]`);
    else this.#emit(escaped(character));
  }

  #repeat(operator: string): void {
    if (!this.#repeatable) this.#fail('missing argument to repetition operator', operator);
    this.#at += operator.length;
    const lazy = this.#pattern[this.#at] === '?' ? '?' : '';
    this.#at += lazy.length;
    const next = this.#pattern[this.#at] ?? '';
    if (next !== '' && '*+?'.includes(next)) this.#fail('invalid nested repetition operator', operator + lazy + next);
    // JavaScript repeats no assertion; RE2 does.
    if (/\(\?<?!\[[^\]]*\]\)$/.test(this.#output))
      this.#output = this.#output.replace(/(\(\?<?!\[[^\]]*\]\))$/, '(?:$1)');
    this.#output += operator + lazy;
  }

  #open(): void {
    const rest = this.#pattern.slice(this.#at);
    this.#outer.push(this.#flags);
    const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(rest);
    if (named !== null) {
      this.#at += named[0].length;
      this.#output += `(?<${named[1]}>`;
    } else if (rest.startsWith('(?')) {
      this.#flagGroup(rest);
    } else {
      this.#at += 1;
      this.#output += '(';
    }
    this.#repeatable = false;
  }

  #flagGroup(rest: string): void {
    const group = /^\(\?([ims]*)(?:-([ims]+))?([:)])/.exec(rest);
    if (group === null) this.#fail('invalid or unsupported Perl syntax', rest.slice(0, 3));
    const [text, on = '', off = '', end] = group;
    const state = (flag: string, before: boolean): boolean => !off.includes(flag) && (on.includes(flag) || before);
    this.#flags = {
      ignoreCase: state('i', this.#flags.ignoreCase),
      dotAll: state('s', this.#flags.dotAll),
      multiline: state('m', this.#flags.multiline),
    };
    this.#at += text.length;
    if (end === ')') this.#outer.pop();
    else this.#output += '(?:';
  }

  #escape(): void {
    const rest = this.#pattern.slice(this.#at);
    if (rest.startsWith('\\Q')) {
      const end = rest.indexOf('\\E');
      this.#at += end < 0 ? rest.length : end + 2;
      for (const character of rest.slice(2, end < 0 ? undefined : end)) this.#literal(character);
      return;
    }
    const letter = rest[1] ?? '';
    if (letter === '') this.#fail('trailing backslash at end of expression', '');
    if (letter === 'A' || letter === 'z') {
      this.#at += 2;
      this.#emit(letter === 'A' ? `(?<!${ANY})` : `(?!${ANY})`);
    } else if (letter === 'b' || letter === 'B') {
      this.#at += 2;
      this.#emit(`\\${letter}`);
    } else {
      const set = this.#classEscape(rest);
      if (set === undefined) this.#literal(this.#escapedCharacter(rest));
      else this.#emit(`[${set}]`);
    }
  }

  /** `\d`, `\p{Greek}` and their opposites, as they stand inside of brackets. */
  #classEscape(rest: string): string | undefined {
    const letter = rest[1] ?? '';
    const plain = CLASSES[letter.toLowerCase()];
    if (plain !== undefined) {
      this.#at += 2;
      return letter === letter.toLowerCase() ? plain : complement(letter);
    }
    const property = /^\\([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest);
    if (property === null) {
      if (letter === 'p' || letter === 'P') this.#fail('invalid character class range', rest.slice(0, 2));
      return undefined;
    }
    this.#at += property[0].length;
    const name = property[3] ?? property[4]!;
    const negated = (property[1] === 'P') !== (property[2] === '^');
    return `\\${negated ? 'P' : 'p'}{${/^[A-Z][a-z]?$/.test(name) ? name : `Script=${name}`}}`;
  }

  #escapedCharacter(rest: string): string {
    const code = /^\\(?:x([\da-fA-F]{2})|x\{([\da-fA-F]{1,6})\}|(0[0-7]{0,2}|[1-7][0-7]{1,2}))/.exec(rest);
    if (code !== null) {
      this.#at += code[0].length;
      const value = code[3] === undefined ? Number.parseInt(code[1] ?? code[2]!, 16) : Number.parseInt(code[3], 8);
      if (value > 0x10ffff) this.#fail('invalid escape sequence', code[0]);
      return String.fromCodePoint(value);
    }
    const character = String.fromCodePoint(rest.codePointAt(1)!);
    const control = CONTROLS[character];
    if (control === undefined && /[\w]/.test(character)) this.#fail('invalid escape sequence', `\\${character}`);
    this.#at += 1 + character.length;
    return control ?? character;
  }

  #class(): void {
    const start = this.#at;
    this.#at += 1;
    let set = '';
    const negated = this.#pattern[this.#at] === '^';
    if (negated) this.#at += 1;
    for (let first = true; first || this.#pattern[this.#at] !== ']'; first = false) {
      if (this.#at >= this.#pattern.length) this.#fail('missing closing ]', this.#pattern.slice(start));
      set += this.#classItem();
    }
    this.#at += 1;
    this.#emit(`[${negated ? '^' : ''}${set}]`);
  }

  #classItem(): string {
    const rest = this.#pattern.slice(this.#at);
    const posix = /^\[:(\^?)(\w+):\]/.exec(rest);
    if (posix !== null) {
      const set = POSIX[posix[2]!];
      if (set === undefined) this.#fail('invalid character class range', posix[0]);
      this.#at += posix[0].length;
      return posix[1] === '^' ? outside(set) : set;
    }
    if (rest.startsWith('\\')) {
      const set = this.#classEscape(rest);
      if (set !== undefined) return set;
    }
    const low = this.#classCharacter();
    if (this.#pattern[this.#at] !== '-' || (this.#pattern[this.#at + 1] ?? ']') === ']') return this.#cased(low, low);
    this.#at += 1;
    const high = this.#classCharacter();
    if (high.codePointAt(0)! < low.codePointAt(0)!) this.#fail('invalid character class range', `${low}-${high}`);
    return this.#cased(low, high);
  }

  #classCharacter(): string {
    const rest = this.#pattern.slice(this.#at);
    if (rest.startsWith('\\')) return this.#escapedCharacter(rest);
    const point = rest.codePointAt(0);
    if (point === undefined) this.#fail('missing closing ]', this.#pattern);
    const character = String.fromCodePoint(point);
    this.#at += character.length;
    return character;
  }

  /** A range, in both cases if case is ignored. */
  #cased(low: string, high: string): string {
    const range = low === high ? escaped(low) : `${escaped(low)}-${escaped(high)}`;
    if (!this.#flags.ignoreCase) return range;
    const part = (from: string, to: string, change: (text: string) => string): string => {
      const start = Math.max(low.codePointAt(0)!, from.codePointAt(0)!);
      const end = Math.min(high.codePointAt(0)!, to.codePointAt(0)!);
      return start > end ? '' : `${change(String.fromCodePoint(start))}-${change(String.fromCodePoint(end))}`;
    };
    return range + part('a', 'z', (text) => text.toUpperCase()) + part('A', 'Z', (text) => text.toLowerCase());
  }
}

function complement(letter: string): string {
  return letter === 'D' ? '\\D' : letter === 'W' ? '\\W' : '\\x00-\\x08\\x0b\\x0e-\\x1f\\x21-\\u{10ffff}';
}

/** The complement of an ASCII set, as it stands inside of brackets. */
function outside(set: string): string {
  const test = new RegExp(`[${set}]`, 'u');
  let found = '\\x80-\\u{10ffff}';
  for (let code = 0; code < 128; code += 1)
    if (!test.test(String.fromCharCode(code))) found += `\\x${code.toString(16).padStart(2, '0')}`;
  return found;
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? (character === '-' ? '\\x2d' : `\\${character}`) : character;
}
