const PINO_LEVELS = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
/** Shown in their own columns, or of no use beside the message. */
const KNOWN = new Set(['@timestamp', 'message', 'msg', 'level', 'time', 'log.level', 'service.name', 'trace.id', 'span.id', 'correlation.id', 'ecs.version', 'pid', 'hostname', 'name']);
const QUIET = /^(?:service\.|host\.|process\.|data_stream\.|event\.dataset|ecs\.|log\.|error\.|http\.|url\.|event\.)/;

/** A document as flat dotted names. */
export function flatten(value, prefix = '', into = new Map(), depth = 0) {
  if (value === null || value === undefined) return into;
  if (typeof value !== 'object' || Array.isArray(value) || depth > 20) {
    into.set(prefix, typeof value === 'object' ? JSON.stringify(value) : String(value));
    return into;
  }
  for (const [key, member] of Object.entries(value)) flatten(member, prefix === '' ? key : `${prefix}.${key}`, into, depth + 1);
  return into;
}

/** What the page shows of a log document. @param startedAt microseconds, for a document without a time */
export function readLog(document, index, at) {
  const fields = flatten(document);
  const level = fields.get('log.level') ?? PINO_LEVELS[fields.get('level')] ?? fields.get('level') ?? 'log';
  const error = fields.get('error.message') ?? fields.get('err.message');
  const extra = [...fields].filter(([name]) => !KNOWN.has(name) && !QUIET.test(name) && !name.startsWith('err.')).map(([name, value]) => `${name}=${value}`);
  return {
    key: `l-${index}`,
    at,
    fields,
    level: level.toLowerCase(),
    failed: /^(?:error|fatal)$/i.test(level),
    service: fields.get('service.name') ?? '',
    message: fields.get('message') ?? fields.get('msg') ?? '',
    error,
    stack: fields.get('error.stack_trace') ?? fields.get('err.stack'),
    traceId: fields.get('trace.id'),
    spanId: fields.get('span.id'),
    extra: extra.join(' '),
  };
}

/** Spans in the order of a tree: below their parents, brothers by start. */
export function orderSpans(spans) {
  const keyOf = (traceId, id) => `${traceId} ${id}`;
  const present = new Set(spans.map((span) => keyOf(span.traceId, span.id)));
  const children = new Map();
  for (const span of spans) {
    const parent = span.parentId !== undefined && span.parentId !== span.id && present.has(keyOf(span.traceId, span.parentId)) ? keyOf(span.traceId, span.parentId) : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const ordered = [];
  const seen = new Set();
  const stack = (children.get('') ?? []).map((span) => ({ span, depth: 0 })).sort((one, other) => (other.span.timestamp ?? 0) - (one.span.timestamp ?? 0));
  while (stack.length > 0) {
    const next = stack.pop();
    if (seen.has(next.span)) continue;
    seen.add(next.span);
    ordered.push(next);
    const below = (children.get(keyOf(next.span.traceId, next.span.id)) ?? []).sort((one, other) => (other.timestamp ?? 0) - (one.timestamp ?? 0));
    for (const span of below) stack.push({ span, depth: next.depth + 1 });
  }
  // A ring of parents has no root: its members still are shown.
  for (const span of spans) if (!seen.has(span)) ordered.push({ span, depth: 0 });
  return ordered;
}
