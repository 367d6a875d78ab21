import { correlationPage } from './correlation-page.js';
import { startPage } from './start-page.js';

const main = document.getElementById('main');
const input = document.getElementById('id');
const help = document.getElementById('help');

let page = {};
let stop = new AbortController();

/** `/correlation/<id>` and `/?id=<id>` are the same page; the first is what stays in the address. */
function wantedId() {
  const match = /^\/correlation\/([^/]+)$/.exec(location.pathname);
  if (match === null) return new URLSearchParams(location.search).get('id')?.trim() || undefined;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return match[1];
  }
}

function route() {
  stop.abort();
  stop = new AbortController();
  const id = wantedId();
  input.value = id ?? '';
  if (id === undefined) {
    page = startPage(main, { signal: stop.signal });
    return;
  }
  if (location.pathname === '/') history.replaceState(null, '', `/correlation/${encodeURIComponent(id)}${location.hash}`);
  page = correlationPage(main, { id, signal: stop.signal });
}

function go(path) {
  history.pushState(null, '', path);
  window.scrollTo(0, 0);
  route();
}

document.getElementById('search').addEventListener('submit', (event) => {
  event.preventDefault();
  const id = input.value.trim();
  if (id === '') return go('/');
  go(`/correlation/${encodeURIComponent(id)}`);
  main.focus({ preventScroll: true });
});

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-link]');
  if (link === null || link === undefined || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});

document.getElementById('help-button').addEventListener('click', () => help.showModal());
window.addEventListener('popstate', route);

const KEYS = {
  '/': () => {
    input.focus();
    input.select();
  },
  j: () => page.move?.(1),
  k: () => page.move?.(-1),
  e: () => page.nextError?.(),
  '?': () => help.showModal(),
};

document.addEventListener('keydown', (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || help.open) return;
  if (event.target === input) {
    if (event.key === 'Escape') input.blur();
    return;
  }
  if (event.key === 'Escape') return page.back?.();
  if (event.key === 'Enter' && event.target.closest('a, button, summary') === null) {
    event.preventDefault();
    return page.open?.();
  }
  const action = KEYS[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
});

route();
