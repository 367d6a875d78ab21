import { make } from './dom.js';
import { clock, duration } from './format.js';

/** Shown as a block of their own. */
const STACKS = new Set(['exception.stacktrace', 'error.stack_trace', 'err.stack']);

/** What is known of the chosen span or log line. */
export function details(item, { view }) {
  return [item.span === undefined ? logDetails(item, view) : spanDetails(item.span, view), ...exemplars(view)];
}

function panel(title, failed, rows, stack) {
  return make(
    'section',
    { class: 'details', 'aria-label': `Details: ${title}`, 'aria-live': 'polite' },
    make('h2', null, make('span', { title }, title), failed && make('span', { class: 'pill error' }, 'error')),
    make('dl', null, ...rows.filter(([, value]) => value !== undefined && value !== '').flatMap(([name, value]) => [make('dt', null, name), make('dd', null, value)])),
    stack && make('pre', { tabindex: '0', 'aria-label': 'Stack' }, stack),
  );
}

function spanDetails(span, view) {
  const tags = Object.entries(span.tags ?? {}).filter(([name]) => !STACKS.has(name)).sort(([one], [other]) => one.localeCompare(other));
  const rows = [
    ['service', span.localEndpoint?.serviceName],
    ['kind', span.kind?.toLowerCase()],
    ['duration', span.duration === undefined ? 'not ended' : duration(span.duration)],
    ['started', `${clock(span.timestamp ?? view.startedAt)} (+${duration((span.timestamp ?? view.startedAt) - view.startedAt)})`],
    ['to', [span.remoteEndpoint?.serviceName, span.remoteEndpoint?.ipv4 ?? span.remoteEndpoint?.ipv6, span.remoteEndpoint?.port].filter(Boolean).join(' ')],
    ...tags,
    ...(span.annotations ?? []).map((annotation) => [`+${duration(Math.max(0, annotation.timestamp - view.startedAt))}`, annotation.value]),
    ['trace.id', span.traceId],
    ['span.id', span.id],
    ['parent', span.parentId],
  ];
  const stack = Object.entries(span.tags ?? {}).find(([name]) => STACKS.has(name))?.[1];
  return panel(`${span.localEndpoint?.serviceName ?? ''} · ${span.name ?? span.id}`, span.tags?.error !== undefined, rows, stack);
}

function logDetails(log, view) {
  const rows = [['time', `${clock(log.at)} (+${duration(Math.max(0, log.at - view.startedAt))})`], ...[...log.fields].filter(([name]) => !STACKS.has(name)).sort(([one], [other]) => one.localeCompare(other))];
  return panel(`${log.service} · ${log.level}`, log.failed, rows, log.stack);
}

function exemplars(view) {
  if (view.exemplars.length === 0) return [];
  return [
    make(
      'section',
      { 'aria-label': 'Exemplars' },
      make('h2', null, make('span', null, 'In these metrics')),
      make(
        'ul',
        { class: 'exemplars' },
        ...view.exemplars.slice(0, 50).map((exemplar) =>
          make('li', null, make('span', { class: 'mono' }, exemplar.metric.replace(/_bucket$/, '')), ' ', make('span', { class: 'muted' }, [exemplar.seriesLabels.job, exemplar.seriesLabels.http_request_method, exemplar.seriesLabels.http_route].filter(Boolean).join(' ')), ` ${Number(exemplar.value.toPrecision(4))}`),
        ),
      ),
    ),
  ];
}
