import { CATALOGUE } from '../../model/catalogue.ts';
import { rightLabel, violations } from '../../model/conventions.ts';
import { RUNTIME_METRICS } from '../../model/runtime-metrics.ts';
import { STACK_METRICS } from '../../model/stack-metrics.ts';
import type { Finding } from './finding.ts';
import type { LintFamily } from './page.ts';
import { textName } from './promtool-rules.ts';

/** Series of one metric on one page that are worth a warning; the default series limit of Sightline is twice this. */
const MANY_SERIES = 1000;
/** Distinct values of one label that look like IDs before it is one. */
const MANY_IDS = 10;
const OWN_PREFIX = 'sightline_';
/** UUIDs, hexadecimal and decimal numbers of some length, e-mail addresses, paths with such a segment. */
const ID_LIKE =
  /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{16,}|\d{5,}|[^@\s]+@[^@\s]+\.[a-z]+|\/\S*\/(?:\d+|[0-9a-f-]{16,})(?:\/\S*)?)$/i;
/** Labels that are made of numbers by right. */
const NUMBERS = new Set(['le', 'quantile', 'http_response_status_code', 'server_port']);
/** Rules of ours that promtool has under another code. */
const BY_PROMTOOL = new Set(['help', 'base-unit', 'counter-total', 'total-counter', 'reserved-suffix', 'type-in-name']);
const KNOWN = new Map(
  [...Object.values(CATALOGUE), ...Object.values(STACK_METRICS)].map((definition) => [
    definition.prometheus as string,
    definition,
  ]),
);
/** Ours and Node's, which OpenMetrics may show under a shorter name. */
const FROM_US = new Set([...KNOWN.keys(), ...RUNTIME_METRICS.map(({ prometheus }) => prometheus)]);

type Problem = readonly [code: string, severity: Finding['severity'], message: string, fix: string, line?: number];

function conventionProblems(name: string, family: LintFamily, said: ReadonlySet<string>): Problem[] {
  const labels = new Set(family.samples.flatMap((sample) => [...sample.labels.keys()]));
  labels.delete('le');
  labels.delete('quantile');
  // A page that came through another scraper has the labels of its targets.
  labels.delete('job');
  labels.delete('instance');
  const type =
    family.type === 'untyped' || !['counter', 'gauge', 'histogram', 'summary', 'info'].includes(family.type)
      ? 'unknown'
      : (family.type as 'counter');
  const problems: Problem[] = [];
  for (const { rule, message } of violations({ name, type, help: '-', labels: [...labels] })) {
    if (BY_PROMTOOL.has(rule) || said.has(rule)) continue;
    if (rule === 'characters' && said.has('colon')) continue;
    if (rule === 'snake-case' && said.has('camel-case')) continue;
    if (rule === 'label' && said.has('camel-case') && message.includes('snake_case')) continue;
    const label = /^label '([^']*)'/.exec(message)?.[1];
    const right = label === undefined ? undefined : rightLabel(label);
    problems.push([rule, 'warning', message, right === undefined ? 'rename it' : `name the label ${right}`]);
  }
  return problems;
}

function cardinalityProblems(family: LintFamily): Problem[] {
  const series = new Set<string>();
  const ids = new Map<string, Set<string>>();
  for (const { labels } of family.samples) {
    series.add(JSON.stringify([...labels].filter(([name]) => name !== 'le' && name !== 'quantile')));
    for (const [name, value] of labels) {
      if (NUMBERS.has(name) || !ID_LIKE.test(value)) continue;
      const values = ids.get(name);
      if (values === undefined) ids.set(name, new Set([value]));
      else values.add(value);
    }
  }
  const problems: Problem[] = [];
  if (series.size > MANY_SERIES)
    problems.push([
      'cardinality',
      'warning',
      `${series.size} series on one page`,
      'give its labels fewer values; what is one of many belongs into traces and logs',
    ]);
  for (const [name, values] of ids) {
    if (values.size < MANY_IDS) continue;
    const [example] = values;
    problems.push([
      'label-id',
      'warning',
      `label ${name} has ${values.size} values that look like IDs, such as ${JSON.stringify(example)}`,
      'take the label away, or put what the ID stands for into it (a route, a kind)',
    ]);
  }
  return problems;
}

function catalogueProblems(name: string, family: LintFamily): Problem[] {
  const definition = KNOWN.get(name);
  if (definition === undefined) {
    if (!name.startsWith(OWN_PREFIX)) return [];
    return [
      [
        'unknown-own-name',
        'error',
        `${name} is no metric of this version of Sightline`,
        "rename it: names that start with 'sightline_' are Sightline's own",
      ],
    ];
  }
  const type = definition.type === 'info' && family.type === 'gauge' ? 'info' : family.type;
  if (type === definition.type || type === 'untyped' || type === 'unknown') return [];
  return [
    [
      'own-type',
      'error',
      `${name} is a ${definition.type} of Sightline, here it is a ${family.type}`,
      'rename it: the name is taken',
    ],
  ];
}

/** What is not wrong for a scraper and still costs dearly: names, cardinality, names of ours. */
export function ownFindings(family: LintFamily, openMetrics: boolean, said: ReadonlySet<string>): Finding[] {
  if (family.samples.length === 0) return [];
  const name = textName(family, openMetrics);
  const problems = [
    ...(FROM_US.has(name) ? [] : conventionProblems(name, family, said)),
    ...cardinalityProblems(family),
    ...catalogueProblems(name, family),
  ];
  return problems.map(([code, severity, message, fix, line = family.line]) => ({
    code,
    origin: 'sightline',
    severity,
    line,
    column: 1,
    metric: name,
    message,
    fix,
  }));
}
