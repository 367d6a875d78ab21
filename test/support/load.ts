import { Agent, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request with `node:http`, so that nothing of `fetch` gets between the test and the bytes. */
export function send(url: string, options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // A connection of its own unless an agent is given: a kept one would hold the server's end for seconds.
    const outgoing = request(url, { agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

export interface LoadOptions {
  /** Requests in total. */
  readonly requests: number;
  /** Requests in flight at once, each on its own keep-alive connection. Default 16. */
  readonly concurrency?: number;
  /** URL of the n-th request, from 0. */
  readonly url: (n: number) => string;
  readonly headers?: (n: number) => Record<string, string>;
}

export interface LoadResult {
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** The first answers' correlation IDs, by request number. */
  readonly correlationIds: readonly string[];
}

/** Sends `requests` requests over keep-alive connections and counts the answers. Fails on the first broken exchange. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const concurrency = options.concurrency ?? 16;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const statuses: Record<number, number> = {};
  const correlationIds: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < options.requests) {
      const n = next;
      next += 1;
      const answer = await send(options.url(n), { agent, headers: options.headers?.(n) ?? {} });
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      correlationIds[n] = String(answer.headers['x-correlation-id'] ?? '');
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    agent.destroy();
  }
  return { statuses, correlationIds };
}
