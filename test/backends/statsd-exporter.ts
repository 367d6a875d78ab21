import { freePort, freeUdpPort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { startServer } from './server.ts';

export interface StatsdExporter {
  /** For `SIGHTLINE_STATSD_URL`. */
  readonly statsdUrl: string;
  readonly udpPort: number;
  readonly tcpPort: number;
  /** Answers `/metrics`. */
  readonly url: string;
  /** The exposition now. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * A real statsd_exporter on free loopback ports.
 * @param mappingFile path of a mapping, such as the generated `deploy/statsd/mapping.yml`
 */
export async function startStatsdExporter(mappingFile?: string): Promise<StatsdExporter> {
  const [webPort, tcpPort, udpPort] = [await freePort(), await freePort(), await freeUdpPort()];
  const url = `http://127.0.0.1:${webPort}`;
  const server = await startServer({
    name: 'statsd_exporter',
    command: backendPath('statsd-exporter'),
    args: [
      `--web.listen-address=127.0.0.1:${webPort}`,
      `--statsd.listen-udp=127.0.0.1:${udpPort}`,
      `--statsd.listen-tcp=127.0.0.1:${tcpPort}`,
      // A burst of a test must fit: the default of the kernel holds some hundred packets.
      '--statsd.read-buffer=4194304',
      ...(mappingFile === undefined ? [] : [`--statsd.mapping-config=${mappingFile}`]),
    ],
    cwd: temporaryDirectory('statsd'),
    readyUrl: `${url}/-/healthy`,
  });
  return {
    statsdUrl: `udp://127.0.0.1:${udpPort}`,
    udpPort,
    tcpPort,
    url,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    stop: () => server.stop(),
  };
}
