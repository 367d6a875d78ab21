import { diag } from '../core/diag.ts';
import { onRequire } from '../instruments/module-hooks.ts';

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
        `${found} observes this process, too; both work side by side, with one server span a request for each. Trace headers that it sets stay, so that traces here may begin anew behind a call; the correlation ID goes on. Switch one of them off to have one trace`,
      );
    },
  );
}
