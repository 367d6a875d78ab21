import { ConfigMap } from '../config/config-reader.ts';
import { YamlMistake, type YamlNode } from '../config/yaml-node.ts';
import { readYamlNode } from '../config/yaml-subset.ts';
import { ParseError } from '../query/promql/errors.ts';
import { typeOf } from '../query/promql/syntax/ast.ts';
import { parseExpression } from '../query/promql/syntax/parser.ts';
import { expressionText } from '../query/promql/syntax/printer.ts';
import { compileTemplate, type Template, TemplateMistake } from './template.ts';

/** Rules of one file. */
const MAX_RULES = 2000;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

interface RuleBase {
  /** The expression in Prometheus's normal form. */
  readonly query: string;
}

export interface RecordingRuleConfig extends RuleBase {
  readonly kind: 'recording';
  readonly record: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AlertingRuleConfig extends RuleBase {
  readonly kind: 'alerting';
  readonly alert: string;
  readonly forMillis: number;
  readonly keepFiringMillis: number;
  readonly labels: Readonly<Record<string, Template>>;
  readonly annotations: Readonly<Record<string, Template>>;
  /** As they are written. */
  readonly labelTexts: Readonly<Record<string, string>>;
  readonly annotationTexts: Readonly<Record<string, string>>;
}

export type RuleConfig = RecordingRuleConfig | AlertingRuleConfig;

export interface RuleGroupConfig {
  readonly name: string;
  readonly file: string;
  readonly intervalMillis: number;
  /** How long before the time of an evaluation its data lies. */
  readonly queryOffsetMillis: number;
  /** Series or alerts that one rule may give; 0 = any number. */
  readonly limit: number;
  readonly rules: readonly RuleConfig[];
}

/**
 * Reads a rule file. Source: Prometheus documentation, "Defining recording rules", "Alerting rules".
 *
 * @throws YamlMistake with the line
 */
export function readRuleFile(
  text: string,
  options: { readonly file: string; readonly intervalMillis: number },
): RuleGroupConfig[] {
  const map = new ConfigMap(readYamlNode(text), 'the rule file');
  const names = new Set<string>();
  let count = 0;
  const groups = map.list('groups').map((node) => {
    const group = readGroup(node, options);
    if (names.has(group.name))
      throw new YamlMistake(node.line, `groupname: ${JSON.stringify(group.name)} is repeated in the same file`);
    names.add(group.name);
    count += group.rules.length;
    if (count > MAX_RULES) throw new YamlMistake(node.line, `more than ${MAX_RULES} rules`);
    return group;
  });
  map.finish();
  return groups;
}

function readGroup(node: YamlNode, options: { file: string; intervalMillis: number }): RuleGroupConfig {
  const map = new ConfigMap(node, 'a rule group');
  const shared = map.labels('labels');
  const group = {
    name: map.needed('name'),
    file: options.file,
    intervalMillis: map.duration('interval') ?? options.intervalMillis,
    queryOffsetMillis: map.duration('query_offset') ?? 0,
    limit: map.count('limit') ?? 0,
    rules: map.list('rules').map((rule) => readRule(rule, shared)),
  };
  if (group.intervalMillis === 0) throw new YamlMistake(map.lineOf('interval'), 'interval must not be 0');
  map.finish();
  return group;
}

function readRule(node: YamlNode, shared: Readonly<Record<string, string>>): RuleConfig {
  const map = new ConfigMap(node, 'a rule');
  const [record, alert] = [map.text('record') ?? '', map.text('alert') ?? ''];
  if ((record === '') === (alert === ''))
    throw new YamlMistake(
      node.line,
      record === '' ? "one of 'record' or 'alert' must be set" : "only one of 'record' and 'alert' must be set",
    );
  const query = readQuery(map);
  const labels = { ...shared, ...map.labels('labels') };
  for (const name of Object.keys(labels))
    if (!LABEL_NAME.test(name) || name === '__name__')
      throw new YamlMistake(map.lineOf('labels'), `invalid label name: ${name}`);
  if (record !== '') {
    if (!METRIC_NAME.test(record))
      throw new YamlMistake(map.lineOf('record'), `invalid recording rule name: ${record}`);
    map.finish();
    return { kind: 'recording', record, query, labels };
  }
  const annotations = map.labels('annotations');
  const rule: AlertingRuleConfig = {
    kind: 'alerting',
    alert,
    query,
    forMillis: map.duration('for') ?? 0,
    keepFiringMillis: map.duration('keep_firing_for') ?? 0,
    labels: templatesOf(labels, map, 'labels'),
    annotations: templatesOf(annotations, map, 'annotations'),
    labelTexts: labels,
    annotationTexts: annotations,
  };
  map.finish();
  return rule;
}

function readQuery(map: ConfigMap): string {
  const text = map.needed('expr');
  try {
    const expression = parseExpression(text);
    const type = typeOf(expression);
    if (type === 'vector' || type === 'scalar') return expressionText(expression);
    throw new YamlMistake(map.lineOf('expr'), 'rule result is not a vector or scalar');
  } catch (error) {
    if (error instanceof ParseError)
      throw new YamlMistake(map.lineOf('expr'), `could not parse expression: ${error.message}`);
    throw error;
  }
}

function templatesOf(texts: Readonly<Record<string, string>>, map: ConfigMap, key: string): Record<string, Template> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      try {
        return [name, compileTemplate(text)];
      } catch (error) {
        if (!(error instanceof TemplateMistake)) throw error;
        throw new YamlMistake(map.map(key)?.lineOf(name) ?? map.line, `${key}: ${name}: ${error.message}`);
      }
    }),
  );
}
