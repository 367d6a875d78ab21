import type { IncomingMessage } from 'node:http';
import type { HealthView } from './health.ts';
import { HEALTH_CONTENT_TYPE } from './health-page.ts';
import type { Answer } from './http-answer.ts';
import { json, readBody, text } from './http-answer.ts';
import type { LogLevels } from './log-levels.ts';
import { setLogLevel, showLogLevels } from './log-levels.ts';

export interface RouteDependencies {
  readonly exposition: (accept: string | undefined) => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly health: HealthView;
  readonly logLevels: LogLevels;
}

export interface Route {
  readonly methods: readonly string[];
  /** Answers off loopback without a token: scrapers and probes. */
  readonly open: boolean;
  /** For the index page. */
  readonly says: string;
  handle(request: IncomingMessage, query: URLSearchParams): Promise<Answer> | Answer;
}

const READ = ['GET', 'HEAD'] as const;

async function readiness(health: HealthView, isVerbose: boolean): Promise<Answer> {
  const { gates, checks } = await health.state();
  const lines = [
    ...gates.map(({ name, open }) => ({ name, ok: open, why: 'not ready' })),
    // Not why a check failed: this page is open off loopback, and a failure may name hosts and users.
    ...checks.map(({ name, status }) => ({ name, ok: status !== 'fail', why: 'failed, see /health' })),
  ];
  const isReady = lines.every(({ ok }) => ok);
  const verdict = isReady ? 'ready' : 'not ready';
  if (!isVerbose) return text(isReady ? 200 : 503, verdict);
  const page = lines.map(({ name, ok, why }) => (ok ? `[+]${name} ok` : `[-]${name} ${why}`));
  return text(isReady ? 200 : 503, [...page, verdict].join('\n'));
}

function escapeHtml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function index(routes: ReadonlyMap<string, Route>): Answer {
  const rows = [...routes]
    .filter(([path]) => path !== '/')
    .map(([path, { says }]) => `<li><a href="${path}">${path}</a> ${escapeHtml(says)}</li>`);
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body: `<!doctype html><meta charset="utf-8"><title>Sightline</title><h1>Sightline</h1><ul>${rows.join('')}</ul>\n`,
  };
}

/** Everything that the admin port answers, by exact path. */
export function createRoutes({ exposition, health, logLevels }: RouteDependencies): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  routes.set('/metrics', {
    methods: READ,
    open: true,
    says: 'Prometheus metrics; OpenMetrics with exemplars by Accept',
    async handle(request) {
      const page = await exposition(request.headers.accept);
      return { status: 200, contentType: page.contentType, body: page.body };
    },
  });
  routes.set('/livez', {
    methods: READ,
    open: true,
    says: 'whether the event loop turns',
    handle: () => text(200, 'alive'),
  });
  routes.set('/readyz', {
    methods: READ,
    open: true,
    says: 'whether the service takes traffic; ?verbose names every gate and check',
    handle: (_, query) => readiness(health, query.has('verbose')),
  });
  routes.set('/health', {
    methods: READ,
    open: false,
    says: 'checks, traffic and delivery as health+json',
    async handle() {
      const page = await health.page();
      return json(page.status === 'fail' ? 503 : 200, page, HEALTH_CONTENT_TYPE);
    },
  });
  routes.set('/loglevel', {
    methods: [...READ, 'PUT'],
    open: false,
    says: 'GET lists, PUT {"level":"debug","logger":"name","for":"10m"} sets; all without a name, for good without a time',
    async handle(request, query) {
      if (request.method !== 'PUT') return showLogLevels(logLevels);
      const body = await readBody(request);
      return body === undefined ? text(413, 'the body is too long') : setLogLevel(logLevels, query, body);
    },
  });
  routes.set('/', { methods: READ, open: false, says: 'this page', handle: () => index(routes) });
  return routes;
}
