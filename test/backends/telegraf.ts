import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, freeUdpPort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { startServer } from './server.ts';

/** The database that Telegraf makes. */
export const TELEGRAF_DATABASE = 'telegraf';

export interface Telegraf {
  /** For `SIGHTLINE_STATSD_URL`. */
  readonly statsdUrl: string;
  stop(): Promise<void>;
}

/**
 * A real Telegraf with its StatsD input, which writes to an InfluxDB every second.
 * @param datadog reads DogStatsD's tags; else those of Influx
 */
export async function startTelegraf({
  influxUrl,
  protocol,
  datadog,
}: {
  readonly influxUrl: string;
  readonly protocol: 'udp' | 'tcp';
  readonly datadog: boolean;
}): Promise<Telegraf> {
  const port = protocol === 'udp' ? await freeUdpPort() : await freePort();
  const healthPort = await freePort();
  const directory = temporaryDirectory('telegraf');
  writeFileSync(
    join(directory, 'telegraf.conf'),
    `[agent]
interval = "1s"
flush_interval = "1s"
flush_jitter = "0s"
omit_hostname = true
[[inputs.statsd]]
protocol = "${protocol}"
service_address = "127.0.0.1:${port}"
datadog_extensions = ${datadog}
metric_separator = "."
allowed_pending_messages = 100000
read_buffer_size = 4194304
[[outputs.influxdb]]
urls = ["${influxUrl}"]
database = "${TELEGRAF_DATABASE}"
[[outputs.health]]
service_address = "http://127.0.0.1:${healthPort}"
`,
  );
  const server = await startServer({
    name: 'telegraf',
    command: backendPath('telegraf'),
    args: ['--config', join(directory, 'telegraf.conf')],
    cwd: directory,
    readyUrl: `http://127.0.0.1:${healthPort}/`,
  });
  return { statsdUrl: `${protocol}://127.0.0.1:${port}`, stop: () => server.stop() };
}
