import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { startServer } from './server.ts';

/** One row of an answer, by column. */
export type InfluxRow = Readonly<Record<string, string | number | null>>;

export interface InfluxDb {
  /** Takes line protocol at `/write`. */
  readonly url: string;
  /** Rows of an InfluxQL query, the tags of a group among the columns. */
  query(database: string, influxQl: string): Promise<readonly InfluxRow[]>;
  stop(): Promise<void>;
}

interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | null)[])[];
}

/** A real InfluxDB 1.x on a free loopback port. */
export async function startInfluxDb(): Promise<InfluxDb> {
  const [port, backup] = [await freePort(), await freePort()];
  const directory = temporaryDirectory('influxdb');
  const path = (name: string): string => JSON.stringify(join(directory, name));
  writeFileSync(
    join(directory, 'influxdb.conf'),
    `reporting-disabled = true
bind-address = "127.0.0.1:${backup}"
[meta]
dir = ${path('meta')}
[data]
dir = ${path('data')}
wal-dir = ${path('wal')}
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[monitor]
store-enabled = false
`,
  );
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'influxd',
    command: backendPath('influxd'),
    args: ['-config', join(directory, 'influxdb.conf')],
    cwd: directory,
    readyUrl: `${url}/ping`,
  });
  return {
    url,
    async query(database, influxQl) {
      const response = await fetch(`${url}/query?${new URLSearchParams({ db: database, q: influxQl })}`);
      const { results } = (await response.json()) as { results: { series?: Series[]; error?: string }[] };
      const [result] = results;
      if (result?.error !== undefined) throw new Error(result.error);
      return (result?.series ?? []).flatMap(({ tags, columns, values }) =>
        values.map((row) => ({
          ...tags,
          ...Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null])),
        })),
      );
    },
    stop: () => server.stop(),
  };
}
