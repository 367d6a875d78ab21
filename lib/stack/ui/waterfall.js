import { make } from './dom.js';
import { duration, plural } from './format.js';

/** Rows drawn at first; more on demand, so that a huge trace does not stop the page. */
export const FIRST_ROWS = 1000;
const INDENT_PIXELS = 16;
const MAX_INDENT = 10;
/** Share of the axis that the label of a bar needs beside it. */
const LABEL_ROOM = 0.18;

/** The axis above the waterfall. */
export function axis(view) {
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => make('span', null, share === 0 ? '0' : duration(view.durationMicros * share)));
  return make('div', { class: 'axis', 'aria-hidden': 'true' }, make('div', null, 'Service and operation'), make('div', null, ...marks));
}

/** One span: its name, its bar, and the log lines written in it at their moments. */
export function spanRow(entry, { view, colours, logs }) {
  const { span, depth } = entry;
  const service = span.localEndpoint?.serviceName ?? '';
  const failed = span.tags?.error !== undefined;
  const share = (micros) => (view.durationMicros === 0 ? 0 : Math.min(1, Math.max(0, (micros - view.startedAt) / view.durationMicros)));
  const start = share(span.timestamp ?? view.startedAt);
  const end = Math.max(start, share((span.timestamp ?? view.startedAt) + (span.duration ?? 0)));
  const label = span.duration === undefined ? 'not ended' : duration(span.duration);
  // Right of the bar, else left of it, else in it.
  const place = end <= 1 - LABEL_ROOM ? 'after' : start >= LABEL_ROOM ? 'before' : 'inside';
  const offset = { after: { left: `${end * 100}%` }, before: { right: `${(1 - start) * 100}%` }, inside: { right: `${(1 - end) * 100}%` } }[place];
  return make(
    'li',
    {
      class: 'row', role: 'option', id: entry.key, 'aria-selected': 'false', style: { '--hue': colours.get(service) ?? 'var(--faint)' },
      'aria-label': `${service} ${span.name ?? ''}, ${label}, starts at ${duration((span.timestamp ?? view.startedAt) - view.startedAt)}${failed ? ', error' : ''}${logs.length > 0 ? `, ${plural(logs.length, 'log line')}` : ''}`,
    },
    make(
      'div',
      { class: 'name', style: { 'padding-left': `${12 + Math.min(depth, MAX_INDENT) * INDENT_PIXELS}px` }, title: `${service} ${span.name ?? ''}` },
      make('i', { class: 'dot' }),
      make('span', null, entry.newService && make('b', null, service), entry.newService ? ' ' : '', span.name ?? span.id),
    ),
    make(
      'div',
      { class: 'lane' },
      make('i', { class: `span-bar${span.kind === 'CLIENT' ? ' client' : ''}${failed ? ' error' : ''}`, style: { left: `${start * 100}%`, width: `${(end - start) * 100}%` } }),
      make('span', { class: `duration ${place}${span.kind === 'CLIENT' && !failed ? ' faint' : ''}`, style: offset }, label),
      ...logs.map((log) => make('i', { class: `tick${log.failed ? ' error' : log.level === 'warn' ? ' warn' : ''}`, style: { left: `${share(log.at) * 100}%` }, title: `${log.level} ${log.message}` })),
    ),
  );
}

/** One log line. */
export function logRow(log, { view, colours }) {
  const kind = log.failed ? 'error' : log.level === 'warn' ? 'warn' : '';
  return make(
    'li',
    { class: `log ${log.failed ? 'error' : ''}`, role: 'option', id: log.key, 'aria-selected': 'false' },
    make('span', { class: 'mono offset' }, `+${duration(Math.max(0, log.at - view.startedAt))}`),
    make('span', { class: `level ${kind}` }, log.level),
    make('span', { class: 'service', style: { '--hue': colours.get(log.service) ?? 'var(--faint)' } }, make('i', { class: 'dot' }), log.service),
    make('span', null, log.error !== undefined && !log.message.includes(log.error) ? make('b', null, `${log.error} `) : '', log.message, ' ', make('span', { class: 'fields mono' }, log.extra)),
  );
}
