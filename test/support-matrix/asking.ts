import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { npmFixture } from '../backends/npm.ts';
import type { Protocol } from './rows.ts';

export interface Question {
  readonly port: number;
  /** `/orders/7` or `/broken`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks a program of the matrix and gives the headers of its answer. Nothing here is observed. */
export type Asker = (question: Question) => Promise<IncomingHttpHeaders>;

function overHttp(request: typeof httpRequest, scheme: string): Asker {
  return ({ port, path, headers }) =>
    new Promise((resolve, reject) => {
      const options = { agent: false, headers, rejectUnauthorized: false };
      request(`${scheme}://127.0.0.1:${port}${path}`, options, (response) => {
        response.resume().on('end', () => resolve(response.headers));
      })
        .on('error', reject)
        .end();
    });
}

const overHttp2: Asker = ({ port, path, headers }) =>
  new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const stream = session.request({ ':path': path, ...headers });
    let answer: IncomingHttpHeaders = {};
    stream.on('response', (head) => {
      answer = head;
    });
    stream.on('error', reject);
    stream.resume().on('end', () => session.close(() => resolve(answer)));
  });

/** A masked text frame with `7` (RFC 6455 §5.2). */
const FRAME = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x37]);

/** Opens a WebSocket, sends the number of an order, and waits for what comes back. */
const byUpgrade: Asker = ({ port, path, headers }) =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(`http://127.0.0.1:${port}${path}`, {
      agent: false,
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'c2lnaHRsaW5lIG1hdHJpeA==',
      },
    });
    outgoing.on('upgrade', (response, socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.destroy();
        resolve(response.headers);
      });
      socket.write(FRAME);
    });
    outgoing.on('error', reject).end();
  });

const GRPC_METHODS: Readonly<Record<string, string>> = { '/orders/7': 'Read', '/broken': 'Broken' };

/** Calls by the client of grpc-js; headers are metadata. */
const byGrpc: Asker = ({ port, path, headers }) => {
  const load = createRequire(`${npmFixture('grpc').directory}/x.js`);
  const grpc = load('@grpc/grpc-js');
  const proto = fileURLToPath(new URL('../fixtures/support/shop.proto', import.meta.url));
  const { shop } = grpc.loadPackageDefinition(load('@grpc/proto-loader').loadSync(proto));
  const stub = new shop.Orders(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    let answer: IncomingHttpHeaders = {};
    const call = stub[GRPC_METHODS[path] ?? path]({ id: '7' }, metadata, () => {
      stub.close();
      resolve(answer);
    });
    call.on('metadata', (received: { getMap(): IncomingHttpHeaders }) => {
      answer = received.getMap();
    });
  });
};

export const ASKERS: Readonly<Record<Protocol, Asker>> = {
  http: overHttp(httpRequest, 'http'),
  https: overHttp(httpsRequest as typeof httpRequest, 'https'),
  http2: overHttp2,
  upgrade: byUpgrade,
  grpc: byGrpc,
};
