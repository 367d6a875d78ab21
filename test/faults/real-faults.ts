import { eventually } from '../support/wait.ts';
import type { RealServers } from './destinations.ts';
import type { Fault, Target } from './faults.ts';

/** Bytes added to each line where a batch is to be larger than a limit of the server. */
const PADDING = 4000;

function servers({ real }: Target): RealServers {
  if (real === undefined) throw new Error('the real servers are not running');
  return real;
}

const always = (): boolean => true;

/** What can be done to Elasticsearch and OpenSearch themselves. */
export const SEARCH_FAULTS: readonly Fault[] = [
  {
    name: 'killed (SIGKILL) and started again',
    only: 'logs',
    begin: (target) => servers(target).elasticsearch.server.stop(),
    met: always,
    end: (target) => servers(target).elasticsearch.server.restart(),
  },
  {
    name: 'stopped for a while (SIGSTOP)',
    only: 'logs',
    begin: async (target) => servers(target).elasticsearch.server.pause(),
    met: always,
    end: async (target) => servers(target).elasticsearch.server.resume(),
  },
  {
    name: 'an index that is read-only because the disk is full',
    only: 'logs',
    begin: (target) => block(target, true),
    met: always,
    end: (target) => block(target, null),
  },
  {
    name: 'a backlog larger than http.max_content_length (413)',
    only: 'logs',
    fromStart: true,
    environment: { PADDING: String(PADDING) },
    begin: ({ destination }) => destination.logs.set({ kind: 'down' }),
    met: always,
    async end({ destination }) {
      await destination.logs.set({ kind: 'pass' });
      await eventually('the server to refuse a body', () => destination.logs.answered.has(413) || undefined);
    },
  },
];

/** What can be done to Zipkin itself. */
export const ZIPKIN_FAULTS: readonly Fault[] = [
  // Its spans are in memory: what it had before it was killed is gone with it.
  {
    name: 'killed (SIGKILL) and started again',
    only: 'spans',
    fromStart: true,
    begin: (target) => servers(target).zipkin.server.stop(),
    met: always,
    end: (target) => servers(target).zipkin.server.restart(),
  },
  {
    name: 'stopped for a while (SIGSTOP)',
    only: 'spans',
    begin: async (target) => servers(target).zipkin.server.pause(),
    met: always,
    end: async (target) => servers(target).zipkin.server.resume(),
  },
];

/** What Elasticsearch itself does to its indices when a disk is full. */
async function block(target: Target, value: true | null): Promise<void> {
  const { elasticsearch } = servers(target);
  await elasticsearch.request('PUT', `/${target.destination.stream}/_settings`, {
    'index.blocks.read_only_allow_delete': value,
  });
}
