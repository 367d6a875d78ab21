/** A value of a YAML file with the number of the line on which it begins. */
export type YamlNode =
  | { readonly kind: 'null'; readonly line: number }
  | { readonly kind: 'scalar'; readonly text: string; readonly line: number }
  | { readonly kind: 'list'; readonly items: readonly YamlNode[]; readonly line: number }
  | {
      readonly kind: 'map';
      readonly entries: ReadonlyMap<string, { readonly line: number; readonly value: YamlNode }>;
      readonly line: number;
    };

/** The same without positions. Scalars are texts. */
export type YamlValue = string | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/** What is wrong in a file, with its line. */
export class YamlMistake extends Error {
  override readonly name = 'YamlMistake';
  /** From 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
  }
}

export function plainOf(node: YamlNode): YamlValue {
  switch (node.kind) {
    case 'null':
      return null;
    case 'scalar':
      return node.text;
    case 'list':
      return node.items.map(plainOf);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainOf(value)]));
  }
}
