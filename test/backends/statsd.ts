import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_OLDEST } from '../support/nodes.ts';
import { freePort, freeUdpPort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { listens } from './graphite.ts';
import { npmFixture } from './npm.ts';
import { startServer } from './server.ts';

/** The folder of the program, and why it cannot be used. */
export const STATSD = npmFixture('statsd');
/**
 * How often sums leave for Graphite, seconds: more than the second that a value is kept for, so that two sums never fall
 * into the same one, whatever delays a flush.
 */
const FLUSH_SECONDS = 3;

export interface Statsd {
  /** For `SIGHTLINE_STATSD_URL`, by transport. */
  readonly urls: Readonly<Record<'udp' | 'tcp' | 'unix', string>>;
  stop(): Promise<void>;
}

/** The StatsD daemon that the protocol is named after, which writes to Graphite. */
export async function startStatsd(graphitePort: number): Promise<Statsd> {
  const directory = temporaryDirectory('statsd-daemon');
  const [udp, tcp, management] = [await freeUdpPort(), await freePort(), await freePort()];
  const socket = join(directory, 'statsd.sock');
  const servers = [
    { server: './servers/udp', address: '127.0.0.1', port: udp },
    { server: './servers/tcp', address: '127.0.0.1', port: tcp },
    { server: './servers/tcp', socket },
  ];
  const config = {
    graphiteHost: '127.0.0.1',
    graphitePort,
    flushInterval: FLUSH_SECONDS * 1000,
    mgmt_address: '127.0.0.1',
    mgmt_port: management,
    deleteIdleStats: true,
    title: false,
    servers,
    graphite: { legacyNamespace: false, globalPrefix: '' },
  };
  const file = join(directory, 'config.js');
  writeFileSync(file, JSON.stringify(config));
  const server = await startServer({
    name: 'statsd',
    command: NODE_OLDEST.path,
    args: [join(STATSD.directory, 'node_modules', 'statsd', 'stats.js'), file],
    cwd: directory,
    env: { PATH: process.env['PATH'] },
    ready: async () => (await listens(management)) && (await listens(tcp)),
  });
  return {
    urls: { udp: `udp://127.0.0.1:${udp}`, tcp: `tcp://127.0.0.1:${tcp}`, unix: `unix://${socket}` },
    stop: () => server.stop(),
  };
}
