import type { YamlValue } from '../stack/config/yaml-node.ts';
import { readYaml } from '../stack/config/yaml-subset.ts';

/** One rule as it stands in a file. */
export interface RuleView {
  readonly group: string;
  readonly alert: string;
  readonly record: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** From 1: the line of its `alert` or `record`, and of its `expr`. */
  readonly line: number;
  readonly exprLine: number;
}

type Mapping = Readonly<Record<string, YamlValue>>;
const mapping = (value: YamlValue | undefined): Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
const list = (value: YamlValue | undefined): readonly YamlValue[] => (Array.isArray(value) ? value : []);
const text = (value: YamlValue | undefined): string => (typeof value === 'string' ? value : '');
const texts = (value: YamlValue | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(mapping(value)).map(([key, one]) => [key, text(one)]));

const BLOCK = /^(\s*(?:- )?[\w.-]+:\s+)([|>])([+-]?)\d?\s*(?:#.*)?$/;

/**
 * Block scalars (`expr: |`) as quoted text on the line of their key, and blank lines for theirs: the numbers of the
 * lines stay, and the reader of the rest need not know them.
 */
export function unfoldBlocks(yaml: string): string {
  const lines = yaml.split(/\r?\n/);
  const out: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    const match = BLOCK.exec(line);
    if (match === null) {
      out.push(line);
      continue;
    }
    const [, key = '', style, chomp] = match;
    const indent = (/^\s*(?:- )?/.exec(line)?.[0] ?? '').length;
    const body: string[] = [];
    while (at + 1 < lines.length) {
      const next = lines[at + 1]!;
      if (
        next.trim() !== '' &&
        next.length - next.trimStart().length <= indent - (line.trimStart().startsWith('- ') ? 1 : 0)
      )
        break;
      body.push(next);
      at += 1;
    }
    const first = body.find((one) => one.trim() !== '') ?? '';
    const inner = first.length - first.trimStart().length;
    const content = body.map((one) => one.slice(inner));
    while (content.at(-1)?.trim() === '') content.pop();
    const joined = content.join(style === '|' ? '\n' : ' ') + (chomp === '-' || content.length === 0 ? '' : '\n');
    out.push(key + JSON.stringify(joined), ...body.map(() => ''));
  }
  return out.join('\n');
}

/**
 * Rules of a Prometheus rules file, or of a PrometheusRule of Kubernetes.
 * @throws Error with the line that cannot be read
 */
export function readRules(yaml: string): RuleView[] {
  const isJson = yaml.trimStart().startsWith('{');
  const root = mapping(isJson ? (JSON.parse(yaml) as YamlValue) : readYaml(unfoldBlocks(yaml)));
  const groups = list(root['groups'] ?? mapping(root['spec'])['groups']);
  const lines = yaml.split('\n');
  const numbers = (pattern: RegExp): number[] => lines.flatMap((line, at) => (pattern.test(line) ? [at + 1] : []));
  const heads = numbers(/^\s*(?:- )?\s*"?(?:alert|record)"?\s*:/);
  const expressions = numbers(/^\s*(?:- )?\s*"?expr"?\s*:/);
  let index = -1;
  return groups.flatMap((group) =>
    list(mapping(group)['rules']).map((item) => {
      const rule = mapping(item);
      index += 1;
      return {
        group: text(mapping(group)['name']),
        alert: text(rule['alert']),
        record: text(rule['record']),
        expr: text(rule['expr']),
        for: text(rule['for']),
        labels: texts(rule['labels']),
        annotations: texts(rule['annotations']),
        line: heads[index] ?? 1,
        exprLine: expressions[index] ?? heads[index] ?? 1,
      };
    }),
  );
}
