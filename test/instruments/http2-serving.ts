import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, afterEach } from 'node:test';
import { internalErrors } from '../../lib/core/fence.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';
import { type Recorded, record } from './recorder.ts';

/** `key` or `cert` of `localhost`. */
export const pem = (name: string) =>
  readFileSync(new URL(`../fixtures/instruments/localhost-${name}.pem`, import.meta.url));

export interface Http2Serving {
  readonly recorded: Recorded;
  /** Runs when the test is over. */
  atEnd(close: () => void): void;
  /** Waits until so many server requests have ended. */
  ended(count: number): Promise<unknown>;
  /** Listens on a free port of the loopback until the test is over. */
  listen(server: Http2Server | Http2SecureServer): Promise<number>;
  /** A server of the compatibility API. */
  compat(handler: (request: Http2ServerRequest, response: Http2ServerResponse) => void): Promise<number>;
  /** A server of the stream API. */
  streams(handler: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void): Promise<number>;
  /** A client session that is not observed. */
  session(port: number, scheme?: string): ClientHttp2Session;
}

/** All instruments over HTTP/2 servers of a test file. */
export function http2Serving(): Http2Serving {
  const recorded = record();
  const closers: (() => void)[] = [];
  after(() => recorded.instruments.stop());
  afterEach(() => {
    for (const close of closers.splice(0)) close();
    recorded.clear();
    assert.equal(internalErrors(), 0, 'no bug of ours was caught');
  });

  async function listen(server: Http2Server | Http2SecureServer): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  return {
    recorded,
    atEnd: (close) => void closers.push(close),
    ended: (count) =>
      eventually(`${count} ended requests`, () => (recorded.serverMetrics.length >= count ? true : undefined), {
        pauseMillis: 2,
      }),
    listen,
    compat: (handler) => listen(createServer(handler)),
    streams(handler) {
      const server = createServer();
      server.on('stream', handler);
      return listen(server);
    },
    session(port, scheme = 'http') {
      const client = connect(`${scheme}://localhost:${port}`, {
        ...(scheme === 'https' && { ca: pem('cert') }),
        host: '127.0.0.1',
      } as never);
      client.on('error', () => {});
      closers.push(() => client.destroy());
      return Object.assign(client, { [kOwn]: true });
    },
  };
}

export interface Answer {
  readonly headers: IncomingHttpHeaders & { ':status'?: number };
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: string;
  readonly rstCode: number | undefined;
}

/** Asks and reads the whole answer; a reset is no error here. */
export function askOver(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = client.request(headers);
    let answer: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    let text = '';
    stream.on('response', (head) => {
      answer = head;
    });
    stream.on('trailers', (head) => {
      trailers = head;
    });
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', () => {});
    stream.on('close', () => resolve({ headers: answer, trailers, body: text, rstCode: stream.rstCode }));
    stream.end(body);
  });
}
