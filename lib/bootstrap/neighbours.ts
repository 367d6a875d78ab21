import { diag } from '../core/diag.ts';
import { onRequire } from '../instruments/module-hooks.ts';
import { NEXT_TRACER, watchNext } from '../instruments/next.ts';
import { SpanKind } from '../model/span.ts';
import type { DuplicateRule } from '../traces/guest.ts';

/** Who makes the same HTTP spans as our instruments, and which of ours that is, for servers and for clients. */
interface SameWork {
  readonly server?: string;
  readonly client?: string;
  /** Made of itself, by a framework: nobody needs to be told. */
  readonly silent?: true;
}

const SAME_WORK: ReadonlyMap<string, SameWork> = new Map([
  ['@opentelemetry/instrumentation-http', { server: 'http', client: 'http' }],
  ['@opentelemetry/instrumentation-undici', { client: 'undici' }],
  [NEXT_TRACER, { server: 'http', client: 'undici', silent: true }],
]);

/** Said once, however many parts another SDK has registered. */
export function saySteppingBack(): void {
  diag.warn(
    'SIGHTLINE_W_NEIGHBOUR',
    'another OpenTelemetry SDK was registered first; it makes the spans, Sightline makes none. IDs, logs and metrics work and name its traces. Load sightline/register first to have the spans here instead',
  );
}

function sayJoining(name: string): void {
  diag.warn(
    'SIGHTLINE_W_NEIGHBOUR',
    `${name} is active too; its HTTP spans are left out, Sightline makes the same, and all other spans made through @opentelemetry/api come here. To keep another SDK's own export, load it before sightline/register`,
  );
}

/**
 * Tells which instrumentations make HTTP spans that our own instruments make already: one request, one server span.
 *
 * @param enabled whether an instrument of ours is on, by its standard name
 */
export function createDuplicateRule(enabled: (name: string) => boolean): DuplicateRule {
  return {
    isDuplicate(scope, kind) {
      const instrument = SAME_WORK.get(scope)?.[kind === SpanKind.SERVER ? 'server' : 'client'];
      return instrument !== undefined && enabled(instrument);
    },
    onDuplicate(scope) {
      if (SAME_WORK.get(scope)?.silent !== true) sayJoining(scope);
    },
    watcher: (scope) => (scope === NEXT_TRACER && enabled('http') ? watchNext : undefined),
  };
}

/** Agents that speak to a backend of their own, with traces and headers of their own. */
const AGENTS: ReadonlySet<string> = new Set([
  'dd-trace',
  'elastic-apm-node',
  'newrelic',
  '@sentry/node',
  'applicationinsights',
]);

/** The agent that a module belongs to; asked at each `require` of the app, so it looks at paths only where there is one. */
function agentOf(id: string): string | undefined {
  if (AGENTS.has(id)) return id;
  const at = id.lastIndexOf('node_modules');
  if (at < 0) return undefined;
  const [, first = '', second = ''] = id.slice(at).split(/[\\/]/);
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  return AGENTS.has(name) ? name : undefined;
}

/**
 * Says that another agent observes this process as well, once each. Nothing is changed for it: both work side by side.
 *
 * @returns a function that ends the watch
 */
export function watchAgents(): () => void {
  let found: string | undefined;
  return onRequire(
    (id) => {
      found = agentOf(id);
      return found !== undefined;
    },
    () => {
      if (found === undefined) return;
      diag.warn(
        'SIGHTLINE_W_NEIGHBOUR',
        `${found} observes this process, too; both work side by side, each with its own spans. Trace headers that it sets stay, so that traces here may begin anew behind a call; the correlation ID goes on. Switch one of them off to have one trace`,
      );
    },
  );
}
