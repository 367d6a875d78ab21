import type {
  Exemplar,
  HistogramPoint,
  MetricFamily,
  MetricPoint,
  SeriesLabels,
  SummaryPoint,
} from '../model/metric-points.ts';

/**
 * Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats) and OpenMetrics 1.0.0
 * (prometheus.io/docs/specs/om/open_metrics_spec). One family at a time, one series at a time: the caller may yield
 * to the event loop between two series.
 */
export type ExpositionFormat = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Last line of an OpenMetrics page; the older format has no end. */
export const OPENMETRICS_END = '# EOF\n';

/** OpenMetrics 1.0.0 "Exemplars": names and values together. */
export const MAX_EXEMPLAR_CODE_POINTS = 128;

/** How one family is written; made once per family and page. */
export interface FamilyEncoder {
  /** HELP, TYPE and UNIT lines. */
  readonly head: string;
  /** The lines of one series. */
  encode(point: MetricPoint): string;
}

const TOTAL = '_total';
const INFO = '_info';

/** A number as both formats write it: the shortest text that reads back as the same double. */
export function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** `le` and `quantile`: OpenMetrics asks for canonical floats (`1.0`), the older format has `1`; Prometheus 3 makes them equal. */
function formatBound(bound: number, format: ExpositionFormat): string {
  const text = formatValue(bound);
  return format === 'openmetrics' && Number.isInteger(bound) && !text.includes('e') ? `${text}.0` : text;
}

const NEEDS_ESCAPE = /[\\\n"]/;

function escapeLabelValue(value: string): string {
  if (!NEEDS_ESCAPE.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(help: string, format: ExpositionFormat): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
}

/** Label text by the array of values, which is never changed: a series is escaped once in its life. */
const renderedLabels = new WeakMap<readonly string[], string>();

/** `a="1",b="2"` without braces; empty for no labels. */
function labelText(labels: SeriesLabels): string {
  const cached = renderedLabels.get(labels.labelValues);
  if (cached !== undefined) return cached;
  const text = pairs(labels);
  renderedLabels.set(labels.labelValues, text);
  return text;
}

function pairs({ labelNames, labelValues }: SeriesLabels): string {
  let text = '';
  for (let index = 0; index < labelNames.length; index += 1) {
    text += `${index === 0 ? '' : ','}${labelNames[index]}="${escapeLabelValue(labelValues[index] ?? '')}"`;
  }
  return text;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** ` # {…} value time`, or nothing where the format or the limit of the specification forbids it. */
function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  let length = 0;
  for (const part of exemplar.labelNames) length += codePoints(part);
  for (const part of exemplar.labelValues) length += codePoints(part);
  if (length > MAX_EXEMPLAR_CODE_POINTS) return '';
  const time = exemplar.timeSeconds === undefined ? '' : ` ${exemplar.timeSeconds.toFixed(3)}`;
  return ` # {${pairs(exemplar)}} ${formatValue(exemplar.value)}${time}`;
}

function line(name: string, labels: string, value: number, exemplar = ''): string {
  return labels === ''
    ? `${name} ${formatValue(value)}${exemplar}\n`
    : `${name}{${labels}} ${formatValue(value)}${exemplar}\n`;
}

function encodeHistogram(
  name: string,
  point: HistogramPoint,
  bounds: readonly string[],
  withExemplars: boolean,
): string {
  const labels = labelText(point);
  const before = labels === '' ? `${name}_bucket{le="` : `${name}_bucket{${labels},le="`;
  let cumulative = 0;
  let text = '';
  for (let index = 0; index < bounds.length; index += 1) {
    cumulative += point.bucketCounts[index] ?? 0;
    text += `${before}${bounds[index]}"} ${cumulative}${withExemplars ? exemplarText(point.exemplars?.[index]) : ''}\n`;
  }
  if (point.sum !== undefined) text += line(`${name}_sum`, labels, point.sum);
  return text + line(`${name}_count`, labels, cumulative);
}

function encodeSummary(name: string, point: SummaryPoint, format: ExpositionFormat): string {
  const labels = labelText(point);
  const before = labels === '' ? '' : `${labels},`;
  let text = '';
  for (const [quantile, value] of point.quantiles) {
    text += line(name, `${before}quantile="${formatBound(quantile, format)}"`, value);
  }
  if (point.sum !== undefined) text += line(`${name}_sum`, labels, point.sum);
  if (point.count !== undefined) text += line(`${name}_count`, labels, point.count);
  return text;
}

/**
 * How the two formats name a family. OpenMetrics takes the suffix off the family and puts it on the sample. A counter
 * without `_total` keeps its name and becomes `unknown` there, as client_golang does: a scraper that negotiates
 * OpenMetrics must not see another name than one that does not.
 */
function familyHead(family: MetricFamily, format: ExpositionFormat, plain: boolean): { name: string; type: string } {
  const { name, type } = family;
  if (format === 'text') return { name, type: type === 'info' ? 'gauge' : type === 'unknown' ? 'untyped' : type };
  if (plain) return { name, type: 'unknown' };
  if (type === 'counter')
    return name.endsWith(TOTAL) ? { name: name.slice(0, -TOTAL.length), type } : { name, type: 'unknown' };
  if (type === 'info')
    return name.endsWith(INFO) ? { name: name.slice(0, -INFO.length), type } : { name, type: 'gauge' };
  return { name, type };
}

/** The name under which OpenMetrics knows a family: two families must not share it. */
export function openMetricsFamilyName(family: MetricFamily): string {
  return familyHead(family, 'openmetrics', false).name;
}

/**
 * @param plain OpenMetrics only: write the family as `unknown` under its full name, because another family has the shorter one
 */
export function familyEncoder(family: MetricFamily, format: ExpositionFormat, plain = false): FamilyEncoder {
  const { name } = family;
  const head = familyHead(family, format, plain);
  const openMetrics = format === 'openmetrics';
  const boundTexts = new Map<readonly number[], readonly string[]>();
  const textsOf = (bounds: readonly number[]): readonly string[] => {
    let texts = boundTexts.get(bounds);
    if (texts === undefined) {
      texts = [...bounds.map((bound) => formatBound(bound, format)), '+Inf'];
      boundTexts.set(bounds, texts);
    }
    return texts;
  };
  let headText = `# HELP ${head.name} ${escapeHelp(family.help, format)}\n# TYPE ${head.name} ${head.type}\n`;
  if (openMetrics && family.unit !== '' && head.type !== 'info' && head.name.endsWith(`_${family.unit}`)) {
    headText += `# UNIT ${head.name} ${family.unit}\n`;
  }
  return {
    head: headText,
    encode(point) {
      if (point.kind === 'histogram') return encodeHistogram(name, point, textsOf(point.bounds), openMetrics);
      if (point.kind === 'summary') return encodeSummary(name, point, format);
      // Only counters and buckets may carry an exemplar (OpenMetrics 1.0.0).
      const exemplar = openMetrics && head.type === 'counter' ? exemplarText(point.exemplar) : '';
      return line(name, labelText(point), point.value, exemplar);
    },
  };
}

/** All sample names that a family takes: two families that share one make a page that no scraper accepts. */
export function sampleNames(family: Pick<MetricFamily, 'name' | 'type'>): string[] {
  const { name, type } = family;
  if (type === 'histogram') return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === 'summary') return [name, `${name}_sum`, `${name}_count`];
  return [name];
}
