import { live, read, Unreachable } from './api.js';
import { copyable, make, skeleton } from './dom.js';
import { ago, clock, duration, hues, plural } from './format.js';

const EVERY_MILLIS = 2000;

/** The list of recent requests. */
export function startPage(main, { signal }) {
  document.title = 'Sightline';
  const list = make('div', { class: 'requests' }, ...skeleton(8));
  const fresh = make('button', { type: 'button', class: 'plain', hidden: true });
  const services = make('ul', { class: 'service-list' });
  const servicesSection = make('section', { 'aria-label': 'Services', hidden: true }, make('h2', null, make('span', null, 'Services')), services);
  const section = make('section', { 'aria-label': 'Recent requests' }, make('h2', null, make('span', null, 'Recent requests'), fresh), list);
  main.replaceChildren(make('h1', { class: 'hidden' }, 'Recent requests'), make('div', { class: 'stack' }, servicesSection, section));

  let shown = new Set();
  const held = () => shown.size > 0 && (section.matches(':hover') || list.contains(document.activeElement));
  const updates = live({
    everyMillis: EVERY_MILLIS,
    signal,
    load: async (stop) => {
      const [recent, known] = await Promise.all([read('recent?limit=50', stop), read('services', stop)]);
      return { requests: recent?.requests ?? [], services: known?.services ?? [] };
    },
    held,
    waiting: (value) => {
      const count = value === undefined ? 0 : value.requests.filter((request) => !shown.has(request.traceId)).length;
      fresh.hidden = count === 0;
      fresh.textContent = `${plural(count, 'new request')}, show`;
    },
    show: (value) => {
      shown = new Set(value.requests.map((request) => request.traceId));
      const colours = hues([...value.services.map((service) => service.name), ...value.requests.flatMap((request) => request.services)].filter((name, index, all) => all.indexOf(name) === index));
      list.replaceChildren(...(value.requests.length === 0 ? [firstSteps(value.services)] : value.requests.map((request) => requestRow(request, colours))));
      servicesSection.hidden = value.services.length === 0;
      services.replaceChildren(...value.services.map((service) => serviceItem(service, colours)));
    },
    fail: (error) => {
      if (shown.size === 0) list.replaceChildren(trouble(error));
    },
  });
  fresh.addEventListener('click', () => updates.apply());
  // What has waited appears once the pointer has left; the button that shows it lies inside, or it would go before it is reached.
  section.addEventListener('pointerleave', () => setTimeout(() => held() || updates.apply(), 0), { signal });
  return {
    move: (step) => moveFocus(list, step),
    nextError: () => moveFocus(list, 1, '.request[data-failed]'),
  };
}

function requestRow(request, colours) {
  const failed = request.errors > 0;
  const status = Number(request.status ?? 0);
  const kind = status >= 500 || (status === 0 && failed) ? 'error' : status >= 400 ? 'warn' : 'good';
  return make(
    'a',
    {
      class: 'request', href: `/correlation/${encodeURIComponent(request.id)}`, 'data-link': true, 'data-failed': failed,
      'aria-label': `${request.name || 'unnamed'} of ${request.service || 'an unknown service'}, status ${request.status ?? 'unknown'}, ${duration(request.durationMicros)}, ${plural(request.errors, 'error')}, ${ago(request.startedAt)}`,
    },
    make('span', { class: 'when muted', title: clock(request.startedAt) }, ago(request.startedAt)),
    make('span', null, request.name || request.traceId),
    make('span', null, make('span', { class: `pill ${kind}` }, request.status ?? (failed ? 'error' : 'ok'))),
    make('span', { class: 'number' }, duration(request.durationMicros)),
    make('span', { class: 'services' }, ...request.services.map((name) => make('span', { class: 'service' }, make('i', { class: 'dot', style: { '--hue': colours.get(name) ?? 'var(--faint)' } }), name))),
    make('span', { class: 'counts muted number' }, `${plural(request.spans, 'span')} · ${plural(request.logs, 'line')}`),
  );
}

function serviceItem(service, colours) {
  const down = service.targets.find((target) => target.health === 'down');
  const state = down !== undefined ? ['error', `metrics: ${down.lastError || 'down'}`] : service.targets.length > 0 ? ['good', 'metrics scraped'] : undefined;
  return make(
    'li',
    { class: 'service' },
    make('i', { class: 'dot', style: { '--hue': colours.get(service.name) ?? 'var(--faint)' } }),
    service.name,
    state && make('span', { class: `pill ${state[0]}`, title: service.targets.map((target) => target.instance).join(', ') }, state[1]),
  );
}

function firstSteps(services) {
  const known = services.length > 0;
  return make(
    'div',
    { class: 'empty' },
    make('p', null, known ? 'No requests yet. The services above are here: send them one.' : 'No requests yet. Start a service with one line more, and send it a request:'),
    !known && copyable('node --import sightline/register server.js'),
    !known && make('p', { class: 'muted' }, 'Or watch three services that are ready made:'),
    !known && copyable('npx sightline demo'),
    make('p', { class: 'muted' }, 'This page looks for new requests by itself.'),
  );
}

/** What to do when the stack does not answer. */
export function trouble(error) {
  return make(
    'div',
    { class: 'empty', role: 'alert' },
    make('p', null, error instanceof Unreachable ? 'The local stack does not answer. It has probably been stopped; start it again, this page tries by itself:' : `The local stack could not answer: ${error.message}`),
    error instanceof Unreachable && copyable('npx sightline up'),
  );
}

function moveFocus(list, step, selector = '.request') {
  const rows = [...list.querySelectorAll(selector)];
  if (rows.length === 0) return;
  const all = [...list.querySelectorAll('.request')];
  const at = all.indexOf(document.activeElement);
  const next = selector === '.request' ? rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(document.activeElement) + step))] : (rows.find((row) => all.indexOf(row) > at) ?? rows[0]);
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}
