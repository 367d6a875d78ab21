import { createServer, type IncomingMessage, type Server, type ServerResponse, request as send } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** What the proxy does with every request until it is told otherwise. */
export type ProxyMode =
  | { readonly kind: 'pass' }
  /** The port is closed. */
  | { readonly kind: 'down' }
  /** Accepts, reads, never answers. */
  | { readonly kind: 'hang' }
  /** Answers the head and the first byte, and never the rest; nothing reaches the backend. */
  | { readonly kind: 'unfinished' }
  /** Closes the connection before it reads. */
  | { readonly kind: 'reset' }
  /** The backend takes everything; the connection closes without its answer. */
  | { readonly kind: 'lost-answer' }
  /** The backend takes everything; half of its answer arrives. */
  | { readonly kind: 'truncated-answer' }
  /** Each answer comes this much later, milliseconds. */
  | { readonly kind: 'slow'; readonly millis: number }
  /** Bodies (as they come) above this many bytes are answered 413. */
  | { readonly kind: 'limit'; readonly bytes: number }
  /** A `_bulk` whose every item is refused. */
  | { readonly kind: 'items'; readonly status: number }
  /** This answer, and nothing reaches the backend. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** An HTTP proxy before a real or an in-memory backend that can be told to misbehave. */
export class FaultyProxy {
  readonly port: number;
  /** Requests that a fault has met. */
  hits = 0;
  /** Statuses that the backend itself answered. */
  readonly answered = new Set<number>();
  #mode: ProxyMode = { kind: 'pass' };
  #server: Server;
  readonly #upstream: URL;

  private constructor(server: Server, upstream: URL, port: number) {
    this.#server = server;
    this.#upstream = upstream;
    this.port = port;
  }

  static async before(upstream: string): Promise<FaultyProxy> {
    const server = createServer();
    await listen(server, 0);
    const { port } = server.address() as { port: number };
    const proxy = new FaultyProxy(server, new URL(upstream), port);
    proxy.#serve(server);
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Takes effect for requests from now on; those that would hang for ever are closed. */
  async set(mode: ProxyMode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode.kind === before.kind) return;
    if (mode.kind === 'down' || before.kind === 'hang' || before.kind === 'unfinished')
      this.#server.closeAllConnections();
    if (mode.kind === 'down') await new Promise((resolve) => this.#server.close(resolve));
    else if (before.kind === 'down') {
      this.#server = createServer();
      this.#serve(this.#server);
      await listen(this.#server, this.port);
    }
  }

  async close(): Promise<void> {
    if (this.#mode.kind === 'down') return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(server: Server): void {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response).catch(() => request.socket.destroy());
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const mode = this.#mode;
    if (mode.kind !== 'pass') this.hits += 1;
    if (mode.kind === 'reset') {
      request.socket.destroy();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (mode.kind === 'hang') return;
    if (mode.kind === 'unfinished') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{');
      return;
    }
    if (mode.kind === 'answer') {
      response.writeHead(mode.status, mode.headers).end(mode.body ?? '');
      return;
    }
    if (mode.kind === 'limit' && body.length > mode.bytes) {
      response.writeHead(413).end();
      return;
    }
    if (mode.kind === 'items' && request.url?.includes('_bulk') === true) {
      response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
      response.end(refusedItems(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body, mode.status));
      return;
    }
    const answer = await this.#forward(request, body);
    if (mode.kind === 'lost-answer') {
      request.socket.destroy();
      return;
    }
    if (mode.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, mode.millis));
    if (mode.kind === 'truncated-answer') {
      response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length + 10 });
      response.write(answer.body.subarray(0, answer.body.length / 2), () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  #forward(
    request: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const { 'transfer-encoding': _, ...headers } = request.headers;
      send(
        {
          host: this.#upstream.hostname,
          port: this.#upstream.port,
          method: request.method,
          path: request.url,
          headers: { ...headers, host: this.#upstream.host, 'content-length': body.length },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.once('error', reject);
          answer.once('end', () => {
            const {
              'transfer-encoding': _encoding,
              'content-length': _length,
              connection: _c,
              ...kept
            } = answer.headers;
            this.answered.add(answer.statusCode ?? 502);
            resolve({ status: answer.statusCode ?? 502, headers: kept, body: Buffer.concat(chunks) });
          });
        },
      )
        .once('error', reject)
        .end(body);
    });
  }
}

function refusedItems(body: Buffer, status: number): string {
  const actions = body.toString().split('\n').length - 1;
  const item = { create: { status, error: { type: 'es_rejected_execution_exception', reason: 'rejected' } } };
  return JSON.stringify({ took: 1, errors: true, items: Array.from({ length: actions / 2 }, () => item) });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
