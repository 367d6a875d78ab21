import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach } from 'node:test';
import { createHostPolicy } from '../../lib/context/hosts.ts';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';
import { type Recorded, record } from './recorder.ts';

export interface Calling {
  readonly recorded: Recorded;
  /** Of the target, which is not observed itself. */
  readonly port: number;
  /** What the target was sent in this test. */
  readonly requests: { headers: IncomingHttpHeaders; raw: string[] }[];
  /** Waits until so many client requests have ended. */
  ended(count: number): Promise<unknown>;
  /** Sends by `http.request` and reads the answer. */
  send(options: RequestOptions, body?: string): Promise<string>;
}

/** All instruments, and a target that drops, hangs, redirects or answers by its path. */
export async function calling(): Promise<Calling> {
  // Everyone but the IPv6 loopback, which is as good as a stranger here.
  const recorded = record({ hostPolicy: createHostPolicy({ propagate: ['*', '!::1'] }) });
  const requests: Calling['requests'] = [];
  const target = Object.assign(
    createServer((incoming, response) => {
      requests.push({ headers: incoming.headers, raw: incoming.rawHeaders });
      const path = incoming.url ?? '/';
      if (path.startsWith('/drop')) incoming.socket.destroy();
      else if (path.startsWith('/half')) {
        response.writeHead(200, { 'content-length': '9' }).write('half');
        setTimeout(() => incoming.socket.destroy(), 5);
      } else if (path.startsWith('/hang')) return;
      else if (path.startsWith('/status/')) response.writeHead(Number(path.slice(8))).end('x');
      else if (path.startsWith('/redirect')) response.writeHead(302, { location: '/end' }).end();
      else incoming.resume().on('end', () => response.end('body'));
    }),
    { [kOwn]: true },
  );
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const { port } = target.address() as AddressInfo;
  after(() => {
    target.closeAllConnections();
    target.close();
    recorded.instruments.stop();
  });
  afterEach(() => {
    recorded.clear();
    requests.length = 0;
    assert.equal(internalErrors(), 0, 'no bug of ours was caught');
  });
  return {
    recorded,
    port,
    requests,
    ended: (count) =>
      eventually(`${count} ended client requests`, () => (recorded.clientMetrics.length >= count ? true : undefined), {
        pauseMillis: 2,
      }),
    send: (options, body) =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, ...options }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve(text)).on('error', reject);
        });
        outgoing.on('error', reject).end(body);
      }),
  };
}

/** How often a header is among raw ones. */
export function count(raw: readonly string[], name: string): number {
  return raw.filter((value, index) => index % 2 === 0 && value.toLowerCase() === name).length;
}

export const HEADERS = ['traceparent', 'b3', 'x-correlation-id'];
