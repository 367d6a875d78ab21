import { createHash } from 'node:crypto';
import type { ConfigMap } from '../config/config-reader.ts';
import { YamlMistake } from '../config/yaml-node.ts';
import { compileRe2 } from '../query/regular-expression.ts';

const ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const;

/** One step of `relabel_configs` or `metric_relabel_configs`. */
export interface RelabelRule {
  readonly action: (typeof ACTIONS)[number];
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: RegExp;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly modulus: number;
}

/** Go's `$name`, `${name}`, `$1`; `$$` is a dollar. The longest name counts. */
const REFERENCE = /\$(?:\$|\{(\w+)\}|(\w+))/g;

/** Reads one step. Source: Prometheus documentation, `relabel_config`. @throws YamlMistake */
export function readRelabelRule(map: ConfigMap): RelabelRule {
  const action = (map.text('action') ?? 'replace').toLowerCase() as RelabelRule['action'];
  if (!ACTIONS.includes(action))
    throw new YamlMistake(map.lineOf('action'), `unknown relabel action ${JSON.stringify(action)}`);
  const needsTarget = ['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal'].includes(action);
  const targetLabel = map.text('target_label') ?? '';
  if (needsTarget && targetLabel === '')
    throw new YamlMistake(map.line, `relabel action ${action} requires 'target_label'`);
  const modulus = map.count('modulus') ?? 0;
  if (action === 'hashmod' && modulus === 0)
    throw new YamlMistake(map.line, 'relabel action hashmod requires a modulus above 0');
  const pattern = map.text('regex') ?? '(.*)';
  const rule = {
    action,
    sourceLabels: map.texts('source_labels'),
    separator: map.text('separator') ?? ';',
    regex: compile(pattern, map.lineOf('regex')),
    targetLabel,
    replacement: map.text('replacement') ?? '$1',
    modulus,
  };
  map.finish();
  return rule;
}

function compile(pattern: string, line: number): RegExp {
  try {
    return compileRe2(pattern, { anchored: true, dotAll: true });
  } catch (error) {
    throw new YamlMistake(line, (error as Error).message);
  }
}

/**
 * Applies the steps in turn. An empty value is the same as no label.
 *
 * @returns undefined when a step drops the labels
 */
export function relabel(
  given: Readonly<Record<string, string>>,
  rules: readonly RelabelRule[],
): Record<string, string> | undefined {
  const labels = new Map(Object.entries(given));
  for (const rule of rules) if (!apply(labels, rule)) return undefined;
  return Object.fromEntries([...labels].filter(([, value]) => value !== ''));
}

/** @returns whether the labels are kept */
function apply(labels: Map<string, string>, rule: RelabelRule): boolean {
  const { action, regex, targetLabel } = rule;
  const source = rule.sourceLabels.map((name) => labels.get(name) ?? '').join(rule.separator);
  const set = (name: string, value: string) => (value === '' ? labels.delete(name) : labels.set(name, value));
  switch (action) {
    case 'keep':
      return regex.test(source);
    case 'drop':
      return !regex.test(source);
    case 'keepequal':
      return (labels.get(targetLabel) ?? '') === source;
    case 'dropequal':
      return (labels.get(targetLabel) ?? '') !== source;
    case 'replace': {
      const match = regex.exec(source);
      if (match === null) break;
      const name = expand(targetLabel, match);
      if (name !== '') set(name, expand(rule.replacement, match));
      break;
    }
    case 'lowercase':
      set(targetLabel, source.toLowerCase());
      break;
    case 'uppercase':
      set(targetLabel, source.toUpperCase());
      break;
    case 'hashmod':
      set(targetLabel, String(hashOf(source) % BigInt(rule.modulus)));
      break;
    case 'labelmap':
      for (const [name, value] of [...labels]) {
        const match = regex.exec(name);
        if (match !== null) set(expand(rule.replacement, match), value);
      }
      break;
    case 'labeldrop':
    case 'labelkeep':
      for (const name of [...labels.keys()]) if (regex.test(name) === (action === 'labeldrop')) labels.delete(name);
      break;
  }
  return true;
}

/** The last eight bytes of MD5, as Prometheus takes them: a shard is the same there and here. */
function hashOf(text: string): bigint {
  return createHash('md5').update(text).digest().readBigUInt64BE(8);
}

function expand(template: string, match: RegExpExecArray): string {
  return template.replace(REFERENCE, (whole, braced: string | undefined, bare: string | undefined) => {
    if (whole === '$$') return '$';
    const name = braced ?? bare!;
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? '';
  });
}
