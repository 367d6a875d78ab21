import { baseUnit, PROMLINT_ABBREVIATIONS, rightLabel, rightName } from '../../model/conventions.ts';
import type { Finding, RuleOrigin } from './finding.ts';
import type { LintFamily } from './page.ts';

/** Problem of a family: code, promtool's words, what to do, and the line when it is not that of the family. */
type Problem = readonly [code: string, message: string, fix: string, line?: number, origin?: RuleOrigin];

const CAMEL = /[a-z][A-Z]/;

function isTyped(family: LintFamily): boolean {
  return family.type !== 'untyped' && family.type !== 'unknown';
}

/** The name as the text format has it: `_total` and `_info` of OpenMetrics put back. */
export function textName(family: LintFamily, openMetrics: boolean): string {
  if (!openMetrics) return family.name;
  if (family.type === 'counter') return `${family.name}_total`;
  return family.type === 'info' ? `${family.name}_info` : family.name;
}

function lintType(type: string) {
  return type === 'counter' || type === 'gauge' || type === 'histogram' || type === 'summary' || type === 'info'
    ? type
    : 'unknown';
}

function nameProblems(name: string, family: LintFamily): Problem[] {
  const problems: Problem[] = [];
  const { type } = family;
  const right = rightName({ name, type: lintType(type), help: '-', labels: [] });
  const rename = right === undefined || right === name ? 'rename it' : `name it ${right}`;
  for (const word of name.split('_')) {
    const base = baseUnit(word);
    if (base === undefined) continue;
    if (base !== word)
      problems.push([
        'base-unit',
        `use base unit "${base}" instead of "${word}"`,
        `${rename}, and give the value in ${base}`,
      ]);
    break;
  }
  const total = name.endsWith('_total');
  if (type === 'counter' && !total)
    problems.push(['counter-total', 'counter metrics should have "_total" suffix', rename]);
  if (type !== 'counter' && isTyped(family) && total)
    problems.push([
      'total-counter',
      'non-counter metrics should not have "_total" suffix',
      `${rename}, or make it a counter`,
    ]);
  const histogram = type === 'histogram' || type === 'gauge_histogram' || type === 'gaugehistogram';
  if (isTyped(family)) {
    if (!histogram && name.endsWith('_bucket'))
      problems.push(['reserved-suffix', 'non-histogram metrics should not have "_bucket" suffix', rename]);
    for (const suffix of ['_count', '_sum']) {
      if (!histogram && type !== 'summary' && name.endsWith(suffix))
        problems.push([
          'reserved-suffix',
          `non-histogram and non-summary metrics should not have "${suffix}" suffix`,
          rename,
        ]);
    }
    const lower = `${name.toLowerCase()}_`;
    if (type !== 'info' && lower.includes(`_${type}_`))
      problems.push(['type-in-name', `metric name should not include type '${type}'`, rename]);
  }
  if (name.includes(':'))
    problems.push(['colon', "metric names should not contain ':'", `${rename}; ':' is for recording rules`]);
  if (CAMEL.test(name))
    problems.push(['camel-case', "metric names should be written in 'snake_case' not 'camelCase'", rename]);
  for (const abbreviation of Object.keys(PROMLINT_ABBREVIATIONS)) {
    if (`${name.toLowerCase()}_`.includes(`_${abbreviation}_`))
      problems.push(['unit-abbreviation', 'metric names should not contain abbreviated units', rename]);
  }
  return problems;
}

function sampleProblems(family: LintFamily): Problem[] {
  const problems: Problem[] = [];
  const histogram = family.type.endsWith('histogram');
  const seen = new Set<string>();
  const told = new Set<string>();
  const once = (...problem: Problem): void => {
    const key = problem[0] + problem[1] + problem[2] + (problem[4] ?? '');
    if (!told.has(key)) problems.push(problem);
    told.add(key);
  };
  for (const { line, name, labels } of family.samples) {
    if (isTyped(family) && !histogram && labels.has('le'))
      once('le-label', 'non-histogram metrics should not have "le" label', 'rename the label', line);
    if (isTyped(family) && family.type !== 'summary' && labels.has('quantile'))
      once('quantile-label', 'non-summary metrics should not have "quantile" label', 'rename the label', line);
    for (const label of labels.keys()) {
      if (CAMEL.test(label))
        once(
          'camel-case',
          "label names should be written in 'snake_case' not 'camelCase'",
          `name the label ${rightLabel(label) ?? 'otherwise'}`,
          line,
        );
    }
    const written = JSON.stringify([name, ...labels]);
    const key = JSON.stringify([name, ...[...labels].map((pair) => JSON.stringify(pair)).sort()]);
    if (seen.has(written) || seen.has(key))
      once(
        'duplicate-series',
        'metric not unique',
        'keep one of the two, or give them a label that differs',
        line,
        // promtool folds the lines of a histogram or summary into one, and takes labels in another order for other labels.
        seen.has(written) && !histogram && family.type !== 'summary' ? 'promtool' : 'sightline',
      );
    seen.add(written).add(key);
  }
  return problems;
}

/**
 * All rules of `promtool check metrics` (client_golang, `prometheus/testutil/promlint/validations`), in its words.
 */
export function promtoolFindings(family: LintFamily, openMetrics: boolean): Finding[] {
  if (family.samples.length === 0) return [];
  const name = textName(family, openMetrics);
  const problems: Problem[] = [];
  if (family.help === undefined || family.help === '')
    problems.push(['help', 'no help text', `write # HELP ${family.name} and what it counts or measures`]);
  problems.push(...nameProblems(name, family), ...sampleProblems(family));
  return problems.map(([code, message, fix, line = family.line, origin = 'promtool']) => ({
    code,
    origin,
    severity: 'error',
    line,
    column: 1,
    metric: name,
    message,
    fix,
  }));
}
