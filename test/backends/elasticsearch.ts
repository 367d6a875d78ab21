import { execFileSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { type Server, startServer } from './server.ts';

/** Elasticsearch refuses to run as root: then it runs as nobody. */
const NOBODY = 65_534;

export interface Elasticsearch {
  readonly url: string;
  /** A JSON request; throws on a status that is not 2xx. */
  request(method: string, path: string, body?: unknown): Promise<any>;
  /** Makes everything written so far searchable. */
  refresh(): Promise<void>;
  /** Documents that match, at most 10 000. */
  search(index: string, query: object): Promise<readonly Record<string, any>[]>;
  count(index: string, query: object): Promise<number>;
  /** To stop, pause and restart it. */
  readonly server: Server;
  stop(): Promise<void>;
}

/** Elasticsearch, or its fork, which speaks the same as far as documents go. */
export type SearchServer = 'elasticsearch' | 'opensearch';

/**
 * A real Elasticsearch (the integration-test distribution: the core without ILM, painless and ingest) on a free
 * loopback port. Security is off.
 * @param settings further lines of elasticsearch.yml, such as `http.max_content_length: 1mb`
 * @param kind or OpenSearch
 */
export async function startElasticsearch(
  settings: readonly string[] = [],
  kind: SearchServer = 'elasticsearch',
): Promise<Elasticsearch> {
  const ours = kind === 'elasticsearch';
  const [port, transportPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const home = dirname(dirname(backendPath(kind)));
  const directory = temporaryDirectory(kind);
  const configuration = join(directory, 'config');
  cpSync(join(home, 'config'), configuration, { recursive: true });
  writeFileSync(
    join(configuration, `${kind}.yml`),
    [
      'cluster.name: test',
      'node.name: test',
      'network.host: 127.0.0.1',
      `http.port: ${port}`,
      `transport.port: ${transportPort}`,
      'discovery.type: single-node',
      `path.data: ${join(directory, 'data')}`,
      `path.logs: ${join(directory, 'logs')}`,
      ...(ours ? ['xpack.security.enabled: false'] : []),
      'cluster.routing.allocation.disk.threshold_enabled: false',
      ...settings,
      '',
    ].join('\n'),
  );
  for (const name of ['data', 'logs', 'tmp']) mkdirSync(join(directory, name));
  const root = process.getuid?.() === 0;
  if (root) {
    for (const path of [
      directory,
      ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
    ]) {
      chownSync(path, NOBODY, NOBODY);
    }
  }
  const server = await startServer({
    name: kind,
    command: backendPath(kind),
    args: [],
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      [ours ? 'ES_PATH_CONF' : 'OPENSEARCH_PATH_CONF']: configuration,
      [ours ? 'ES_TMPDIR' : 'OPENSEARCH_TMPDIR']: join(directory, 'tmp'),
      [ours ? 'ES_JAVA_OPTS' : 'OPENSEARCH_JAVA_OPTS']: '-Xms400m -Xmx400m',
      // Its own launcher prefers this one; the distribution brings no runtime.
      [ours ? 'ES_JAVA_HOME' : 'OPENSEARCH_JAVA_HOME']: javaHome(),
    },
    ...(root && { uid: NOBODY }),
    readyUrl: `${url}/_cluster/health?wait_for_status=yellow`,
  });

  async function request(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Elasticsearch answered ${response.status} to ${method} ${path}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  return {
    url,
    request,
    async refresh() {
      await request('POST', '/_refresh');
    },
    async search(index, query) {
      const result = await request('POST', `/${index}/_search?ignore_unavailable=true`, { size: 10_000, query });
      return result.hits.hits.map((hit: { _source: Record<string, any> }) => hit._source);
    },
    async count(index, query) {
      return (await request('POST', `/${index}/_count?ignore_unavailable=true`, { query })).count;
    },
    server,
    stop: () => server.stop(),
  };
}

/** The home of the Java that `java` on the path runs. */
function javaHome(): string {
  const java = execFileSync('bash', ['-c', 'command -v java'], { encoding: 'utf8' }).trim();
  return dirname(dirname(realpathSync(java)));
}
