import { execFile } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { startServer } from './server.ts';

export interface Graphite {
  /** Takes lines `name value seconds`. */
  readonly linePort: number;
  /** Names that have a file, dotted as Graphite shows them. */
  names(): readonly string[];
  /** All values that a name has on disk. */
  values(name: string): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** Whether somebody listens. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (there: boolean) => (): void => {
      socket.destroy();
      resolve(there);
    };
    socket.on('connect', end(true)).on('error', end(false));
  });
}

/** A real Carbon that keeps one hour of seconds in Whisper files; no web application. */
export async function startGraphite(): Promise<Graphite> {
  const directory = temporaryDirectory('graphite');
  const [linePort, picklePort, queryPort] = [await freePort(), await freePort(), await freePort()];
  const storage = join(directory, 'whisper');
  writeFileSync(
    join(directory, 'carbon.conf'),
    `[cache]
STORAGE_DIR = ${directory}
LOCAL_DATA_DIR = ${storage}
CONF_DIR = ${directory}
LOG_DIR = ${directory}
PID_DIR = ${directory}
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${linePort}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${picklePort}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = ${queryPort}
ENABLE_UDP_LISTENER = False
USE_FLOW_CONTROL = True
LOG_UPDATES = False
ENABLE_TAGS = False
CARBON_METRIC_INTERVAL = 0
`,
  );
  writeFileSync(join(directory, 'storage-schemas.conf'), '[all]\npattern = .*\nretentions = 1s:1h\n');
  const binaries = dirname(backendPath('graphite'));
  const server = await startServer({
    name: 'carbon-cache',
    command: join(binaries, 'python'),
    args: [
      backendPath('graphite'),
      `--config=${join(directory, 'carbon.conf')}`,
      `--pidfile=${join(directory, 'carbon.pid')}`,
      '--nodaemon',
      'start',
    ],
    cwd: directory,
    env: { ...process.env, GRAPHITE_ROOT: directory },
    ready: () => listens(linePort),
  });
  return {
    linePort,
    names: () =>
      globSync('**/*.wsp', { cwd: storage }).map((file) => file.slice(0, -'.wsp'.length).replaceAll(sep, '.')),
    async values(name) {
      const file = `${join(storage, ...name.split('.'))}.wsp`;
      const { stdout } = await promisify(execFile)(join(binaries, 'whisper-fetch.py'), [
        '--json',
        '--drop=nulls',
        file,
      ]);
      return (JSON.parse(stdout) as { values: number[] }).values;
    },
    stop: () => server.stop(),
  };
}
