import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { backendPath } from './directory.ts';
import { type Server, startServer } from './server.ts';

export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Zipkin {
  /** Base address; spans go to `${url}/api/v2/spans`. */
  readonly url: string;
  /** The spans of one trace; empty when it is not known. */
  trace(traceId: string): Promise<readonly ZipkinSpan[]>;
  /** Traces that match Zipkin's search, such as `{ annotationQuery: 'correlation.id=abc' }`. */
  traces(query: Readonly<Record<string, string>>): Promise<readonly (readonly ZipkinSpan[])[]>;
  /** To stop, pause and restart it. */
  readonly server: Server;
  stop(): Promise<void>;
}

/** A real Zipkin with in-memory storage on a free loopback port. */
export async function startZipkin({ maxSpans = 100_000 }: { maxSpans?: number } = {}): Promise<Zipkin> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'zipkin',
    command: 'java',
    args: [
      '-Xmx192m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-jar',
      backendPath('zipkin'),
      '--armeria.ports[0].ip=127.0.0.1',
      `--armeria.ports[0].port=${port}`,
      '--armeria.ports[0].protocols[0]=http',
    ],
    cwd: temporaryDirectory('zipkin'),
    env: {
      ...process.env,
      NODE_OPTIONS: undefined,
      STORAGE_TYPE: 'mem',
      MEM_MAX_SPANS: String(maxSpans),
      QUERY_LOOKBACK: '86400000',
      SELF_TRACING_ENABLED: 'false',
    },
    readyUrl: `${url}/health`,
  });
  return {
    url,
    async trace(traceId) {
      const response = await fetch(`${url}/api/v2/trace/${traceId}`);
      const text = await response.text();
      return response.ok ? (JSON.parse(text) as ZipkinSpan[]) : [];
    },
    async traces(query) {
      const response = await fetch(`${url}/api/v2/traces?${new URLSearchParams(query)}`);
      if (!response.ok) throw new Error(`Zipkin answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as ZipkinSpan[][];
    },
    server,
    stop: () => server.stop(),
  };
}
