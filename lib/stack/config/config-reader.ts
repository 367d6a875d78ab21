import { DurationError, parseDuration } from '../query/promql/syntax/literals.ts';
import { YamlMistake, type YamlNode } from './yaml-node.ts';

/** A mapping of a configuration, read key by key; what nobody has read is a mistake at the end. */
export class ConfigMap {
  readonly line: number;
  readonly #what: string;
  readonly #entries: ReadonlyMap<string, { readonly line: number; readonly value: YamlNode }>;
  readonly #read = new Set<string>();

  /** @throws YamlMistake when it is no mapping */
  constructor(node: YamlNode, what: string) {
    this.line = node.line;
    this.#what = what;
    if (node.kind === 'null') this.#entries = new Map();
    else if (node.kind === 'map') this.#entries = node.entries;
    else throw new YamlMistake(node.line, `${what} must be a mapping`);
  }

  keys(): string[] {
    return [...this.#entries.keys()];
  }

  /** Where a key stands; the mapping's own line when it has none. */
  lineOf(key: string): number {
    return this.#entries.get(key)?.line ?? this.line;
  }

  #value(key: string): YamlNode | undefined {
    this.#read.add(key);
    const value = this.#entries.get(key)?.value;
    return value?.kind === 'null' ? undefined : value;
  }

  text(key: string): string | undefined {
    const value = this.#value(key);
    return value === undefined ? undefined : textOf(value, key);
  }

  needed(key: string): string {
    const text = this.text(key);
    if (text === undefined || text === '') throw new YamlMistake(this.lineOf(key), `${key} must be a text`);
    return text;
  }

  flag(key: string): boolean | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    if (text !== 'true' && text !== 'false') throw new YamlMistake(this.lineOf(key), `${key} must be true or false`);
    return text === 'true';
  }

  /** A whole number from 0. */
  count(key: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new YamlMistake(this.lineOf(key), `${key} must be a number`);
    return Number(text);
  }

  /** Milliseconds. */
  duration(key: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    try {
      return parseDuration(text);
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      throw new YamlMistake(this.lineOf(key), `${key}: ${error.message}`);
    }
  }

  list(key: string): readonly YamlNode[] {
    const value = this.#value(key);
    if (value === undefined) return [];
    if (value.kind !== 'list') throw new YamlMistake(value.line, `${key} must be a list`);
    return value.items;
  }

  texts(key: string): string[] {
    return this.list(key).map((item) => textOf(item, key));
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  map(key: string): ConfigMap | undefined {
    const value = this.#value(key);
    return value === undefined ? undefined : new ConfigMap(value, key);
  }

  /** All values as texts. */
  labels(key: string): Record<string, string> {
    const map = this.map(key);
    if (map === undefined) return {};
    return Object.fromEntries(map.keys().map((name) => [name, map.text(name) ?? '']));
  }

  /** @throws YamlMistake for the first key that was not read */
  finish(): void {
    const key = this.keys().find((name) => !this.#read.has(name));
    if (key !== undefined)
      throw new YamlMistake(this.lineOf(key), `${this.#what}: ${key} is not supported by the local stack; remove it`);
  }
}

function textOf(node: YamlNode, what: string): string {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'null') return '';
  throw new YamlMistake(node.line, `${what} must be a text`);
}
