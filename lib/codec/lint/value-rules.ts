import { MAX_EXEMPLAR_CODE_POINTS } from '../prometheus-text.ts';
import type { Finding } from './finding.ts';
import type { LintFamily, LintSample } from './page.ts';

type Problem = readonly [code: string, message: string, fix: string, line: number, column?: number];

function groupKey(sample: LintSample, without: string): string {
  return JSON.stringify(
    [...sample.labels].filter(([name]) => name !== without).sort(([one], [two]) => (one < two ? -1 : 1)),
  );
}

function bound(text: string | undefined): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text);
}

function histogramProblems(family: LintFamily): Problem[] {
  const problems: Problem[] = [];
  const groups = new Map<string, LintSample[]>();
  for (const sample of family.samples) {
    const key = groupKey(sample, 'le');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  for (const group of groups.values()) {
    const first = group[0]?.line ?? family.line;
    const buckets = group.filter(({ name }) => name === `${family.name}_bucket`);
    const bare = buckets.find(({ labels }) => !labels.has('le'));
    if (bare !== undefined)
      problems.push(['histogram-bound', 'a bucket has no "le" label', 'give it its upper bound', bare.line]);
    const sorted = buckets
      .filter(({ labels }) => labels.has('le'))
      .map((sample) => ({ sample, le: bound(sample.labels.get('le')) }))
      .sort((one, two) => one.le - two.le);
    const last = sorted.at(-1);
    if (last === undefined || last.le !== Number.POSITIVE_INFINITY)
      problems.push([
        'histogram-inf',
        'a histogram has no bucket le="+Inf"',
        'write one with the count of all observations',
        last?.sample.line ?? first,
      ]);
    for (const [index, { sample }] of sorted.entries()) {
      const before = sorted[index - 1]?.sample;
      if (before !== undefined && sample.value < before.value)
        problems.push([
          'histogram-order',
          `bucket le="${sample.labels.get('le')}" has fewer observations than a smaller one`,
          'count each observation in all buckets that hold it',
          sample.line,
        ]);
    }
    const count = group.find(({ name }) => name === `${family.name}_count`);
    if (count !== undefined && last?.le === Number.POSITIVE_INFINITY && count.value !== last.sample.value)
      problems.push([
        'histogram-count',
        `_count is ${count.value}, bucket le="+Inf" is ${last.sample.value}`,
        'make them equal',
        count.line,
      ]);
    if (count === undefined && buckets.length > 0)
      problems.push(['histogram-count', 'a histogram has no _count', 'write one beside _sum', first]);
    for (const [index, { sample, le }] of sorted.entries()) {
      const below = sorted[index - 1]?.le ?? Number.NEGATIVE_INFINITY;
      const value = sample.exemplar?.value;
      if (value !== undefined && !(value <= le && value > below))
        problems.push([
          'exemplar-outside',
          `the exemplar ${value} is not inside of bucket le="${sample.labels.get('le')}"`,
          'keep the exemplar of each bucket apart',
          sample.line,
          sample.exemplarColumn,
        ]);
    }
  }
  return problems;
}

function valueProblems(family: LintFamily, sample: LintSample): Problem[] {
  const { name, value, line, labels } = sample;
  const problems: Problem[] = [];
  const suffix = name.slice(family.name.length);
  const counts =
    family.type === 'counter' || (/^histogram$|^summary$/.test(family.type) && /^_(?:count|bucket)$/.test(suffix));
  if (suffix !== '_created' && counts && !(value >= 0))
    problems.push(['counter-value', `a count is ${value}`, 'count from 0 upwards, never NaN', line]);
  if (family.type === 'info' && value !== 1)
    problems.push(['info-value', `an info metric is ${value}`, 'make it 1', line]);
  if (family.type === 'stateset') {
    if (value !== 0 && value !== 1) problems.push(['stateset-value', `a state is ${value}`, 'make it 0 or 1', line]);
    if (!labels.has(family.name))
      problems.push(['stateset-label', `a state has no label ${family.name}`, 'name the state in it', line]);
  }
  if (family.type === 'summary' && suffix === '') {
    const quantile = Number(labels.get('quantile'));
    if (!(quantile >= 0 && quantile <= 1))
      problems.push([
        'quantile',
        `a quantile of a summary is ${JSON.stringify(labels.get('quantile') ?? '')}`,
        'give it a label quantile from 0 to 1',
        line,
      ]);
  }
  return problems;
}

function exemplarProblems(family: LintFamily, sample: LintSample): Problem[] {
  const { exemplar, exemplarColumn, name, line } = sample;
  if (exemplar === undefined) return [];
  const problems: Problem[] = [];
  const bucket = family.type.endsWith('histogram') && name.endsWith('_bucket');
  if (!bucket && !(family.type === 'counter' && name.endsWith('_total')))
    problems.push([
      'exemplar-place',
      'an exemplar is not on a bucket or a counter',
      'leave it out',
      line,
      exemplarColumn,
    ]);
  let length = 0;
  for (const [label, value] of exemplar.labels) length += [...label].length + [...value].length;
  if (length > MAX_EXEMPLAR_CODE_POINTS)
    problems.push([
      'exemplar-length',
      `the labels of an exemplar have ${length} characters`,
      `keep them to ${MAX_EXEMPLAR_CODE_POINTS}: trace_id and span_id`,
      line,
      exemplarColumn,
    ]);
  return problems;
}

/** What the values say of a family must hold (OpenMetrics 1.0, "MetricFamily types" and "Exemplars"), in either format. */
export function valueFindings(family: LintFamily): Finding[] {
  const problems: Problem[] = [];
  if (family.unit !== undefined && (family.type === 'info' || family.type === 'stateset'))
    problems.push([
      'unit-forbidden',
      `${family.type} metrics have no unit`,
      'leave UNIT out',
      family.unitLine ?? family.line,
    ]);
  if (family.type === 'histogram') problems.push(...histogramProblems(family));
  for (const sample of family.samples)
    problems.push(...valueProblems(family, sample), ...exemplarProblems(family, sample));
  return problems.map(([code, message, fix, line, column = 1]) => ({
    code,
    origin: 'openmetrics',
    severity: 'error',
    line,
    column,
    metric: family.name,
    message,
    fix,
  }));
}

/** Families that share a name in OpenMetrics: a counter `x` and a gauge `x_total`. */
export function clashFindings(families: readonly LintFamily[]): Finding[] {
  const owners = new Map<string, LintFamily>();
  const findings: Finding[] = [];
  const claims: Readonly<Record<string, readonly string[]>> = {
    counter: ['', '_total', '_created'],
    histogram: ['', '_bucket', '_count', '_sum', '_created'],
    gaugehistogram: ['', '_bucket', '_gcount', '_gsum'],
    summary: ['', '_count', '_sum', '_created'],
    info: ['', '_info'],
  };
  for (const family of families) {
    for (const suffix of claims[family.type] ?? ['']) {
      const owner = owners.get(family.name + suffix);
      if (owner === undefined) owners.set(family.name + suffix, family);
      else if (owner !== family) {
        findings.push({
          code: 'name-clash',
          origin: 'openmetrics',
          severity: 'error',
          line: family.line,
          column: 1,
          metric: family.name,
          message: `${family.name}${suffix} is a name of ${owner.name} (line ${owner.line}), too`,
          fix: 'rename one of the two',
        });
        break;
      }
    }
  }
  return findings;
}
