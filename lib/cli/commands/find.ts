import { SightlineError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { fetchCorrelation, stackUrl } from '../stack-client.ts';
import { renderTimeLine } from '../time-line.ts';

export const findCommand: Command = {
  name: 'find',
  summary: 'the time line of a correlation ID or trace ID, in the terminal',
  usage: 'ID',
  options: {},
  positionals: [1, 1],
  notes: ['Asks the stack at SIGHTLINE_STACK_URL (default http://127.0.0.1:4380).'],
  async run({ positionals, env, json, out }) {
    const id = positionals[0]!;
    const url = stackUrl(env);
    const view = await fetchCorrelation(url, id);
    if (view === undefined) {
      throw new SightlineError(
        'SIGHTLINE_E_NOT_FOUND',
        `got ID ${JSON.stringify(id)}, wanted a correlation ID or trace ID that the stack at ${url} has seen; look at ${url}/ for recent ones`,
      );
    }
    if (json) out.line(JSON.stringify(view));
    else for (const line of renderTimeLine(view, out)) out.line(line);
    if (!json) out.line(`${url}/correlation/${encodeURIComponent(id)}`);
    return 0;
  },
};
