import type { Exemplar, Labels, MetricFamily, Sample } from '../store/store.ts';

/** The exposition breaks its format: the scrape has failed, as it has for Prometheus. */
export class ExpositionMalformed extends Error {
  override readonly name = 'ExpositionMalformed';
  /** Those before the broken line: they are counted, not kept. */
  readonly samples: readonly ParsedSample[];

  constructor(reason: string, samples: readonly ParsedSample[]) {
    super(reason);
    this.samples = samples;
  }
}

/** Samples of one scrape. */
const MAX_SAMPLES = 200_000;
/** Characters of the label set of one exemplar. Source: OpenMetrics 1.0, "Exemplars". */
const MAX_EXEMPLAR_CHARACTERS = 128;

export interface Exposition {
  readonly families: readonly MetricFamily[];
  /** Time stamps are in milliseconds; undefined = the time of the scrape. */
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly labels: Labels;
  readonly value: number;
  readonly timestamp: number | undefined;
  readonly exemplar: (Omit<Exemplar, 'timestamp'> & { readonly timestamp: number | undefined }) | undefined;
}

interface FamilyDraft {
  type: string;
  help: string;
  unit: string;
}

const TYPES = new Set([
  'counter',
  'gauge',
  'histogram',
  'summary',
  'untyped',
  'unknown',
  'info',
  'stateset',
  'gaugehistogram',
]);
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Name, labels, value, timestamp, exemplar. Label values hold anything but a bare quote. */
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)(?:[ \t]+(-?[0-9.eE+-]+))?(?:[ \t]+# \{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (\S+)(?: (-?[0-9.eE+-]+))?)?[ \t]*$/;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y;

/**
 * Parses a scrape: Prometheus text 0.0.4, or OpenMetrics 1.0 with exemplars. Strict, as Prometheus is: one broken line
 * fails the whole scrape, and OpenMetrics must end with `# EOF`. A series may come twice: who scrapes takes the first.
 *
 * @throws ExpositionMalformed with the number of the line
 */
export function parseExposition(text: string, format: 'text' | 'openmetrics'): Exposition {
  const families = new Map<string, FamilyDraft>();
  const samples: ParsedSample[] = [];
  let ended = false;
  let lineNumber = 0;
  for (const line of text.split('\n')) {
    lineNumber += 1;
    const fail = (reason: string) =>
      new ExpositionMalformed(`line ${lineNumber}: ${reason}: ${line.slice(0, 120)}`, samples);
    if (ended && line !== '') throw fail('data after # EOF');
    if (line.startsWith('#')) {
      if (format === 'openmetrics' && line === '# EOF') ended = true;
      else comment(line, families, fail);
      continue;
    }
    if (line.trim() === '') {
      if (format === 'openmetrics' && line !== '') throw fail('blank line');
      continue;
    }
    const sample = readSample(line, format, fail);
    samples.push(sample);
    if (samples.length > MAX_SAMPLES) throw fail(`more than ${MAX_SAMPLES} samples`);
  }
  if (format === 'openmetrics' && !ended) throw new ExpositionMalformed('data does not end with # EOF', samples);
  return { families: [...families].map(([name, draft]) => ({ name, ...draft })), samples };
}

function comment(line: string, families: Map<string, FamilyDraft>, fail: (reason: string) => Error): void {
  const match = /^# (HELP|TYPE|UNIT) (\S+)(?: (.*))?$/.exec(line);
  if (match === null) return;
  const [, kind, name, rest = ''] = match;
  if (!METRIC_NAME.test(name!)) throw fail('not a metric name');
  const draft = families.get(name!) ?? { type: 'untyped', help: '', unit: '' };
  if (kind === 'TYPE' && !TYPES.has(rest)) throw fail(`unknown type ${rest}`);
  if (kind === 'TYPE') draft.type = rest;
  else if (kind === 'HELP')
    draft.help = rest.replace(/\\([\\n"])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  else draft.unit = rest;
  families.set(name!, draft);
}

function readSample(line: string, format: 'text' | 'openmetrics', fail: (reason: string) => Error): ParsedSample {
  const match = SAMPLE.exec(line);
  if (match === null) throw fail('not a sample');
  const [, name, labelText, valueText, timestampText, exemplarLabels, exemplarValue, exemplarTimestamp] = match;
  const labels = readLabels(labelText ?? '', fail);
  const toMillis = format === 'openmetrics' ? 1000 : 1;
  const exemplar = exemplarLabels === undefined ? undefined : readLabels(exemplarLabels, fail);
  if (exemplar !== undefined) {
    if (format === 'text') throw fail('exemplars belong to OpenMetrics');
    const characters = Object.entries(exemplar).reduce(
      (sum, [key, value]) => sum + [...key].length + [...value].length,
      0,
    );
    if (characters > MAX_EXEMPLAR_CHARACTERS)
      throw fail(`exemplar labels of more than ${MAX_EXEMPLAR_CHARACTERS} characters`);
  }
  return {
    labels: { __name__: name!, ...normaliseBounds(labels) },
    value: readNumber(valueText!, fail),
    timestamp: timestampText === undefined ? undefined : Math.round(readNumber(timestampText, fail) * toMillis),
    exemplar: exemplar && {
      labels: exemplar,
      value: readNumber(exemplarValue!, fail),
      timestamp: exemplarTimestamp === undefined ? undefined : Math.round(readNumber(exemplarTimestamp, fail) * 1000),
    },
  };
}

function readLabels(text: string, fail: (reason: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length && text.slice(at).trim() !== '') {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) throw fail('not a label');
    const [, name, value, separator] = match;
    if (Object.hasOwn(labels, name!)) throw fail(`label ${name} twice`);
    Object.defineProperty(labels, name!, {
      value: unescapeLabel(value!),
      enumerable: true,
      writable: true,
      configurable: true,
    });
    at = LABEL.lastIndex;
    if (separator === '' && at < text.length) throw fail('not a label');
  }
  return labels;
}

function unescapeLabel(value: string): string {
  return value.includes('\\')
    ? value.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    : value;
}

function readNumber(text: string, fail: (reason: string) => Error): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  const named = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (named === null) throw fail(`not a number: ${text}`);
  if (named[2]!.toLowerCase() === 'nan') return Number.NaN;
  return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** `le="1"` and `le="1.0"` are one bucket: Prometheus 3 writes both as OpenMetrics does. */
function normaliseBounds(labels: Record<string, string>): Record<string, string> {
  for (const name of ['le', 'quantile']) {
    if (Object.hasOwn(labels, name) && /^\d+$/.test(labels[name]!)) labels[name] = `${labels[name]}.0`;
  }
  return labels;
}

/** Gives every sample its time. */
export function stampSamples(
  samples: readonly ParsedSample[],
  nowMillis: number,
  extend: (labels: Labels) => Labels,
): Sample[] {
  return samples.map((sample) => ({
    labels: extend(sample.labels),
    value: sample.value,
    timestamp: sample.timestamp ?? nowMillis,
    ...(sample.exemplar && {
      exemplar: { ...sample.exemplar, timestamp: sample.exemplar.timestamp ?? sample.timestamp ?? nowMillis },
    }),
  }));
}
