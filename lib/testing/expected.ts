import { inspect, isDeepStrictEqual } from 'node:util';
import type { LogEvidence, SpanEvidence } from './evidence.ts';
import type { Receiver } from './receiver.ts';

/** A value, a pattern for its text, or a question. Values are compared deeply. */
export type Expected = string | number | boolean | null | object | RegExp | ((value: any) => boolean);

/** What a log line must have, by ECS names with dots: `{ message: /charged/, 'log.level': 'info' }`. */
export type ExpectedLog = Readonly<Record<string, Expected>>;

/** What a span must have. */
export interface ExpectedSpan {
  readonly name?: Expected;
  readonly kind?: Expected;
  readonly service?: Expected;
  readonly tags?: Readonly<Record<string, Expected>>;
}

/** What a trace must have. */
export interface ExpectedTrace {
  /** Names of services that must take part; others may. */
  readonly services?: readonly string[];
  /** Least number of spans; default 1. */
  readonly spans?: number;
  /** Least number of log lines; default 0. */
  readonly logs?: number;
}

export interface Verdict {
  readonly pass: boolean;
  /** Why, with what has come instead. */
  readonly message: string;
}

/** Records that a message shows at most. */
const MAX_SHOWN = 10;

function holds(value: unknown, expected: Expected): boolean {
  if (typeof expected === 'function') return (expected as (value: unknown) => boolean)(value) === true;
  if (expected instanceof RegExp)
    return (typeof value === 'string' || typeof value === 'number') && expected.test(String(value));
  return isDeepStrictEqual(value, expected);
}

function holdsAll(values: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, Expected>>): boolean {
  return Object.entries(expected).every(([key, member]) => holds(values[key], member));
}

const shown = (value: unknown): string => inspect(value, { depth: 4, breakLength: 120, compact: 3 });

function list<Item>(items: readonly Item[], text: (item: Item) => string): string {
  const lines = items.slice(0, MAX_SHOWN).map((item) => `\n  ${text(item)}`);
  const more = items.length > MAX_SHOWN ? `\n  … and ${items.length - MAX_SHOWN} more` : '';
  return items.length === 0 ? ' nothing' : lines.join('') + more;
}

function logText({ fields }: LogEvidence, keys: readonly string[]): string {
  const wanted = ['log.level', 'service.name', 'message', ...keys.filter((key) => key !== 'message')];
  return shown(Object.fromEntries([...new Set(wanted)].map((key) => [key, fields[key]])));
}

function spanText(span: SpanEvidence, keys: readonly string[]): string {
  const tags = Object.fromEntries(keys.map((key) => [key, span.tags[key]]));
  return `${span.service} ${span.kind ?? ''} ${span.name}${keys.length === 0 ? '' : ` ${shown(tags)}`}`;
}

/** Whether a log line with these fields has come under the ID. */
export function judgeLog(receiver: Receiver, id: string, expected: ExpectedLog = {}): Verdict {
  const { logs } = receiver.evidence(id);
  const pass = logs.some(({ fields }) => holdsAll(fields, expected));
  const keys = Object.keys(expected);
  return {
    pass,
    message: `wanted ${pass ? 'no' : 'a'} log line under ${id} with ${shown(expected)}; got${list(logs, (log) => logText(log, keys))}`,
  };
}

/** Whether a span like this has come under the ID. */
export function judgeSpan(receiver: Receiver, id: string, expected: ExpectedSpan = {}): Verdict {
  const { spans } = receiver.evidence(id);
  const { tags = {}, ...own } = expected;
  const pass = spans.some((span) => holdsAll({ ...span }, own) && holdsAll(span.tags, tags));
  const keys = Object.keys(tags);
  return {
    pass,
    message: `wanted ${pass ? 'no' : 'a'} span under ${id} with ${shown(expected)}; got${list(spans, (span) => spanText(span, keys))}`,
  };
}

/**
 * Whether what has come under the ID is one trace: one trace ID in all spans and log lines, one root, and each parent
 * among the spans.
 */
export function judgeTrace(receiver: Receiver, id: string, expected: ExpectedTrace = {}): Verdict {
  const { logs, spans, traceIds, services } = receiver.evidence(id);
  const { services: wanted = [], spans: leastSpans = 1, logs: leastLogs = 0 } = expected;
  const known = new Set(spans.map((span) => span.id));
  const orphans = spans.filter((span) => span.parentId !== undefined && !known.has(span.parentId));
  const roots = spans.filter((span) => span.parentId === undefined);
  const missing = wanted.filter((service) => !services.includes(service));
  const problems = [
    ...(spans.length < leastSpans ? [`${spans.length} spans, wanted ${leastSpans}`] : []),
    ...(logs.length < leastLogs ? [`${logs.length} log lines, wanted ${leastLogs}`] : []),
    ...(traceIds.length > 1 ? [`${traceIds.length} traces (${traceIds.join(', ')}), wanted one`] : []),
    ...(missing.length > 0 ? [`nothing of ${missing.join(', ')}`] : []),
    ...(roots.length > 1 ? [`${roots.length} spans without a parent, wanted one`] : []),
    ...orphans.map((span) => `the parent ${span.parentId} of ${span.service} ${span.name} has not come`),
  ];
  const pass = problems.length === 0;
  const why = pass ? 'it is one' : problems.join('; ');
  return {
    pass,
    message: `wanted ${pass ? 'no' : 'one'} trace under ${id}: ${why}; got${list(spans, (span) => spanText(span, []))}`,
  };
}
