import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';

/** What a program of the matrix calls, over three protocols; it keeps the headers that it was sent. */
export interface NextHop {
  readonly http: string;
  readonly https: string;
  readonly http2: string;
  /** Of each, one where nobody listens: at an address of its own, since a free port is soon the next program's. */
  readonly broken: Readonly<Record<'http' | 'https' | 'http2', string>>;
  /** What came with a correlation ID, in order. */
  headersOf(id: string): readonly IncomingHttpHeaders[];
  close(): void;
}

export const pem = (name: string): string =>
  readFileSync(new URL(`../fixtures/instruments/localhost-${name}.pem`, import.meta.url), 'utf8');

/** Also the loopback; nothing here listens on it. */
const NOBODY = '127.0.0.9';

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export async function startNextHop(): Promise<NextHop> {
  const seen: IncomingHttpHeaders[] = [];
  const take = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): void => {
    seen.push(request.headers);
    response.end();
  };
  const servers = [
    createServer(take),
    createHttpsServer({ key: pem('key'), cert: pem('cert') }, take),
    createHttp2Server(take),
  ];
  const [http = 0, https = 0, http2 = 0] = await Promise.all(servers.map(listen));
  return {
    http: `http://127.0.0.1:${http}/`,
    https: `https://127.0.0.1:${https}/`,
    http2: `http://127.0.0.1:${http2}/`,
    broken: {
      http: `http://${NOBODY}:${http}/`,
      https: `https://${NOBODY}:${https}/`,
      http2: `http://${NOBODY}:${http2}/`,
    },
    headersOf: (id) => seen.filter((headers) => headers['x-correlation-id'] === id),
    close() {
      for (const server of servers) server.close();
    },
  };
}
