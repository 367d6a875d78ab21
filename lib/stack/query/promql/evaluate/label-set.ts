import { quote } from '../syntax/literals.ts';

/** Labels that say what a metric is; an operation that makes something else of it drops them. */
const METADATA_LABELS: readonly string[] = ['__name__', '__type__', '__unit__'];
/** Never part of a label: it is no UTF-8. */
const SEPARATOR = '\udcff';

/** Labels of one series, sorted by name, without empty values. Immutable. */
export class LabelSet {
  static readonly EMPTY = new LabelSet([]);
  readonly #pairs: readonly (readonly [name: string, value: string])[];
  #key: string | undefined;
  #nameless: LabelSet | undefined;

  private constructor(pairs: readonly (readonly [string, string])[]) {
    this.#pairs = pairs;
  }

  static of(labels: Readonly<Record<string, string>> | Iterable<readonly [string, string]>): LabelSet {
    const pairs = Symbol.iterator in labels ? [...labels] : Object.entries(labels);
    const kept = pairs.filter(([, value]) => value !== '');
    return new LabelSet(kept.sort(([one], [other]) => compareText(one, other)));
  }

  /** One text for one set of labels. */
  get key(): string {
    this.#key ??= keyOf(this.#pairs);
    return this.#key;
  }

  /** The metric's name; '' when it was dropped. */
  get name(): string {
    return this.get('__name__');
  }

  /** '' when there is no such label. */
  get(name: string): string {
    return this.#pairs.find(([candidate]) => candidate === name)?.[1] ?? '';
  }

  /** Without name, type and unit. */
  withoutMetadata(): LabelSet {
    this.#nameless ??= this.without(METADATA_LABELS);
    return this.#nameless;
  }

  without(names: readonly string[]): LabelSet {
    const pairs = this.#pairs.filter(([name]) => !names.includes(name));
    return pairs.length === this.#pairs.length ? this : new LabelSet(pairs);
  }

  only(names: readonly string[]): LabelSet {
    return new LabelSet(this.#pairs.filter(([name]) => names.includes(name)));
  }

  /** With a label set, or removed when the value is ''. */
  with(name: string, value: string): LabelSet {
    const others = this.#pairs.filter(([candidate]) => candidate !== name);
    return LabelSet.of([...others, [name, value]]);
  }

  /** What two series must have alike to match: these labels, or all but these and the name. */
  signature(on: boolean, names: readonly string[]): string {
    return keyOf(
      this.#pairs.filter(([name]) => (on ? names.includes(name) : name !== '__name__' && !names.includes(name))),
    );
  }

  toRecord(): Record<string, string> {
    return Object.fromEntries(this.#pairs);
  }

  /** `{__name__="up", job="shop"}` */
  toString(): string {
    return `{${this.#pairs.map(([name, value]) => `${/^[a-zA-Z_]\w*$/.test(name) ? name : quote(name)}=${quote(value)}`).join(', ')}}`;
  }

  /** The order in which results of range queries are sorted. */
  static compare(one: LabelSet, other: LabelSet): number {
    const shorter = Math.min(one.#pairs.length, other.#pairs.length);
    for (let index = 0; index < shorter; index += 1) {
      const [name, value] = one.#pairs[index]!;
      const [otherName, otherValue] = other.#pairs[index]!;
      const order = compareText(name, otherName) || compareText(value, otherValue);
      if (order !== 0) return order;
    }
    return one.#pairs.length - other.#pairs.length;
  }
}

function keyOf(pairs: readonly (readonly [string, string])[]): string {
  let key = '';
  for (const [name, value] of pairs) key += name + SEPARATOR + value + SEPARATOR;
  return key;
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
