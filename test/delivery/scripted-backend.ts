import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';

export interface Arrived {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  /** Requests before this one on the same connection. */
  readonly before: number;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the script says to one request; `silence`: nothing, ever; a promise holds the answer back. */
export type Script = (request: Arrived, number: number) => Answer | 'silence' | Promise<Answer>;

export interface ScriptedBackend {
  readonly url: string;
  readonly requests: readonly Arrived[];
  /** Requests without an answer at one time, at most. */
  readonly mostUnderWay: () => number;
  readonly underWay: () => number;
  /** Requests that the other side gave up. */
  readonly abandoned: () => number;
}

/** A backend of HTTP that does what a test says. */
export async function startScripted(t: TestContext, script: Script): Promise<ScriptedBackend> {
  const requests: Arrived[] = [];
  const served = new WeakMap<object, number>();
  let underWay = 0;
  let most = 0;
  let abandoned = 0;
  const open = new Set<ServerResponse>();
  const leave = (response: ServerResponse): boolean => {
    const was = open.delete(response);
    if (was) underWay -= 1;
    return was;
  };
  async function answer(arrived: Arrived, response: ServerResponse): Promise<void> {
    const said = await script(arrived, requests.length - 1);
    if (said === 'silence') return;
    // Before the other side can know of it.
    leave(response);
    response.writeHead(said.status, said.headers).end(said.body ?? '');
  }
  const server = createServer(async (request, response) => {
    const at = performance.now();
    const before = served.get(request.socket) ?? 0;
    served.set(request.socket, before + 1);
    underWay += 1;
    open.add(response);
    most = Math.max(most, underWay);
    response.on('close', () => {
      if (leave(response)) abandoned += 1;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const arrived = { headers: request.headers, body, at, before };
    requests.push(arrived);
    await answer(arrived, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    mostUnderWay: () => most,
    underWay: () => underWay,
    abandoned: () => abandoned,
  };
}
