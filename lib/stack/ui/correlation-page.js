import { live, read } from './api.js';
import { announce, copyable, copyButton, make, skeleton } from './dom.js';
import { orderSpans, readLog } from './fields.js';
import { clock, duration, hues, plural } from './format.js';
import { details } from './details.js';
import { trouble } from './start-page.js';
import { axis, FIRST_ROWS, logRow, spanRow } from './waterfall.js';

const EVERY_MILLIS = 2000;

/** Everything under one ID on one time line. */
export function correlationPage(main, { id, signal }) {
  document.title = `${id} · Sightline`;
  main.replaceChildren(make('h1', { class: 'hidden' }, `Request ${id}`), make('section', { 'aria-busy': 'true', 'aria-label': 'Loading' }, ...skeleton(10)));
  const page = new Page(main, id);
  const updates = live({
    everyMillis: EVERY_MILLIS,
    signal,
    load: (stop) => read(`correlation/${encodeURIComponent(id)}`, stop),
    held: () => page.held(),
    waiting: (view) => page.offer(view),
    show: (view) => page.show(view),
    fail: (error) => page.fail(error),
  });
  page.onWanted = () => updates.apply();
  return { move: (step) => page.move(step), open: () => page.open(), nextError: () => page.nextError(), back: () => page.back() };
}

class Page {
  onWanted = () => {};
  #main;
  #id;
  #fingerprint;
  #rows = [];
  #items = new Map();
  #selected = location.hash.slice(1) || undefined;
  #all = false;
  #fresh = make('button', { type: 'button', class: 'plain', hidden: true, onclick: () => this.onWanted() }, 'More has arrived, show');
  #side = make('div', { class: 'side', tabindex: '-1' });
  #lists = make('div', { class: 'stack' });

  constructor(main, id) {
    this.#main = main;
    this.#id = id;
  }

  /** The reader is pointing at something that would move. */
  held() {
    return this.#fingerprint !== undefined && this.#rows.length > 0 && this.#main.matches(':hover') && this.#lists.matches(':hover');
  }

  offer(view) {
    this.#fresh.hidden = view === undefined || fingerprint(view) === this.#fingerprint;
  }

  fail(error) {
    if (this.#fingerprint === undefined) this.#main.replaceChildren(make('section', null, trouble(error)));
  }

  show(view) {
    const next = fingerprint(view);
    if (next === this.#fingerprint) return;
    this.#fingerprint = next;
    if (view === undefined) this.#showNothing();
    else this.#showView(view);
  }

  #showNothing() {
    document.title = `Not found · Sightline`;
    announce('Nothing is known under this ID');
    this.#main.replaceChildren(
      make('div', { class: 'title' }, make('h1', null, 'Nothing is known under this ID'), make('span', { class: 'mono muted' }, this.#id)),
      make(
        'section',
        { style: { 'margin-top': '16px' } },
        make(
          'div',
          { class: 'empty' },
          make('p', null, 'No span and no log line with this correlation ID or trace ID has arrived. Three things to look at:'),
          make('p', null, 'The ID: it is the x-correlation-id of the answer, whole, in the letters it came in.'),
          make('p', null, 'The service: it is started with the one line, and sends here.'),
          copyable('SIGHTLINE_STACK_URL=' + location.origin + ' node --import sightline/register server.js'),
          make('p', null, 'The age: what is older than the retention of this stack (24 h unless told otherwise) is gone.'),
          make('p', { class: 'muted' }, 'This page goes on looking.'),
          make('p', null, make('a', { href: '/', 'data-link': true }, 'Recent requests')),
        ),
      ),
    );
  }

  #showView(view) {
    const colours = hues(view.services);
    const logTimes = view.timeline.filter((moment) => moment.kind === 'log').sort((one, other) => one.index - other.index);
    const logs = view.logs.map((document, index) => readLog(document, index, logTimes[index]?.at ?? view.startedAt));
    const bySpan = Map.groupBy(logs, (log) => `${log.traceId} ${log.spanId}`);
    let service;
    const spans = orderSpans(view.spans).map((entry, index) => {
      const own = entry.span.localEndpoint?.serviceName;
      const newService = own !== service || index === 0;
      service = own;
      return { ...entry, key: `s-${entry.span.id}-${index}`, newService, failed: entry.span.tags?.error !== undefined };
    });
    this.#items = new Map([...spans, ...logs].map((item) => [item.key, item]));
    const context = { view, colours };
    const limit = this.#all ? Number.POSITIVE_INFINITY : FIRST_ROWS;
    const spanRows = spans.slice(0, limit).map((entry) => spanRow(entry, { ...context, logs: bySpan.get(`${entry.span.traceId} ${entry.span.id}`) ?? [] }));
    const logRows = logs.slice(0, limit).map((log) => logRow(log, context));
    this.#rows = [...spanRows, ...logRows];
    const more = !this.#all && (spans.length > limit || logs.length > limit);
    const parts = [
      ...(spans.length === 0 ? [] : [make('section', { 'aria-label': 'Time line' }, make('h2', null, make('span', null, 'Time line'), this.#fresh), axis(view), this.#list('Spans', spanRows))]),
      make(
        'section',
        { 'aria-label': 'Log lines' },
        make('h2', null, make('span', null, 'Log lines'), spans.length === 0 && this.#fresh),
        logs.length === 0 ? make('div', { class: 'empty' }, make('p', null, 'No log lines of this request. Its services log nothing through pino here, or their lines have not arrived yet.')) : this.#list('Log lines', logRows),
      ),
      more && make('p', null, make('button', { type: 'button', class: 'button', onclick: () => this.#showAll(view) }, `Show all ${spans.length + logs.length} rows`)),
    ];
    this.#lists.replaceChildren(...parts.filter(Boolean));
    this.#main.replaceChildren(...heading(view, { errors: () => this.nextError() }), make('div', { class: 'grid' }, this.#lists, this.#side));
    this.#fresh.hidden = true;
    document.title = `${rootOf(view)?.name ?? view.id} · Sightline`;
    this.#view = view;
    this.#colours = colours;
    const first = spans.find((entry) => entry.failed) ?? spans[0] ?? logs[0];
    this.#select(this.#items.has(this.#selected) ? this.#selected : first?.key, { quiet: true });
  }

  #view;
  #colours;

  #showAll(view) {
    this.#all = true;
    this.#showView(view);
  }

  #list(label, rows) {
    const list = make('ol', { class: 'rows', role: 'listbox', 'aria-label': label, tabindex: '0' }, ...rows);
    list.addEventListener('click', (event) => {
      const row = event.target.closest('[role=option]');
      if (row !== null) this.#select(row.id, {});
    });
    list.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.move(step);
    });
    return list;
  }

  #select(key, { quiet }) {
    const item = this.#items.get(key);
    if (item === undefined) return;
    this.#selected = key;
    for (const row of this.#rows) {
      const chosen = row.id === key;
      row.setAttribute('aria-selected', String(chosen));
      if (chosen) row.parentElement.setAttribute('aria-activedescendant', key);
    }
    this.#side.replaceChildren(...details(item, { view: this.#view, colours: this.#colours }));
    if (quiet) return;
    history.replaceState(null, '', `#${key}`);
    document.getElementById(key)?.scrollIntoView({ block: 'nearest' });
  }

  move(step) {
    if (this.#rows.length === 0) return;
    const at = this.#rows.findIndex((row) => row.id === this.#selected);
    const row = this.#rows[Math.min(this.#rows.length - 1, Math.max(0, at + step))];
    this.#select(row.id, {});
    row.parentElement.focus({ preventScroll: true });
  }

  /** To the details: beside the list, or below it on a narrow screen. */
  open() {
    this.#side.focus();
    this.#side.scrollIntoView({ block: 'nearest' });
  }

  back() {
    document.getElementById(this.#selected)?.parentElement?.focus();
  }

  nextError() {
    const failed = this.#rows.filter((row) => this.#items.get(row.id)?.failed);
    if (failed.length === 0) {
      announce('No errors');
      return;
    }
    const at = failed.findIndex((row) => row.id === this.#selected);
    const row = failed[(at + 1) % failed.length];
    this.#select(row.id, {});
    row.parentElement.focus({ preventScroll: true });
    announce(`Error ${((at + 1) % failed.length) + 1} of ${failed.length}`);
  }
}

function fingerprint(view) {
  return view === undefined ? 'nothing' : `${view.spans.length} ${view.logs.length} ${view.exemplars.length} ${view.durationMicros} ${view.startedAt}`;
}

function rootOf(view) {
  return view.spans.find((span) => span.parentId === undefined) ?? view.spans[0];
}

function heading(view, { errors }) {
  const root = rootOf(view);
  const status = root?.tags?.['http.response.status_code'] ?? root?.tags?.['http.status_code'];
  const failed = Number(status) >= 500 || (status === undefined && view.errors.length > 0);
  const kind = failed ? 'error' : Number(status) >= 400 ? 'warn' : 'good';
  const cause = view.errors.find((error) => error.message !== '' && !/^\d+$/.test(error.message));
  const verdict = failed ? [status, cause?.message].filter(Boolean).join(' · ') : (status ?? 'no errors');
  const fact = (name, value, className) => make('div', null, make('dt', null, name), make('dd', { class: className }, value));
  const others = view.correlationIds.filter((other) => other !== view.id);
  return [
    make(
      'div',
      { class: 'title' },
      make('h1', null, root?.name ?? (view.spans.length === 0 ? 'Log lines of one request' : 'Request')),
      make('span', { class: `pill ${kind}` }, verdict),
      make('span', { class: 'mono muted' }, view.id),
      copyButton(view.id, 'Copy ID', 'plain'),
      ...others.slice(0, 3).map((other) => make('a', { href: `/correlation/${encodeURIComponent(other)}`, 'data-link': true }, `All under ${other}`)),
    ),
    make(
      'dl',
      { class: 'facts' },
      fact('Started', make('span', { title: new Date(view.startedAt / 1000).toISOString() }, clock(view.startedAt))),
      fact('Duration', duration(view.durationMicros)),
      fact('Services', view.services.length),
      fact('Spans', view.spans.length),
      fact('Log lines', view.logs.length),
      fact('Errors', view.errors.length === 0 ? '0' : make('button', { type: 'button', class: 'plain', title: 'Next error (e)', 'aria-label': `${plural(view.errors.length, 'error')}, go to the next`, onclick: errors }, view.errors.length), view.errors.length > 0 ? 'error' : undefined),
      view.exemplars.length > 0 && fact('Exemplars', view.exemplars.length),
    ),
    view.truncated && make('p', { class: 'pill warn', role: 'note' }, 'More is kept under this ID than one page can show; the lists are cut.'),
  ].filter(Boolean);
}
