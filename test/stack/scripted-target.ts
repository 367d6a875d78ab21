import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a page answers: a text in the format that is said, or a failure. */
export type ScriptedPage = { readonly body: string; readonly type?: string } | { readonly status: number } | 'hang';

export interface ScriptedTarget {
  /** `host:port`. */
  readonly address: string;
  /** Changes what a path answers from now on. */
  set(path: string, page: ScriptedPage | string): void;
  /** Requests of a path with their query strings and headers, oldest first. */
  readonly requests: { path: string; query: string; headers: NodeJS.Dict<string | string[]> }[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server whose pages a test changes while others scrape them. */
export async function scriptedTarget(): Promise<ScriptedTarget> {
  const pages = new Map<string, ScriptedPage>();
  const requests: ScriptedTarget['requests'] = [];
  const server = createServer((request, response) => {
    const [path = '', query = ''] = request.url!.split('?');
    requests.push({ path, query, headers: request.headers });
    const page = pages.get(path) ?? { status: 404 };
    if (page === 'hang') return;
    if ('status' in page) response.writeHead(page.status).end();
    else response.writeHead(200, { 'content-type': page.type ?? 'text/plain; version=0.0.4' }).end(page.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (path, page) => void pages.set(path, typeof page === 'string' ? { body: page } : page),
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
