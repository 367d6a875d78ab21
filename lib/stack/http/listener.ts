import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { kOwn } from '../../core/symbols.ts';
import { QueryTimeout, StoreBusy } from '../store/store.ts';
import { BodiesBusy, BodyBudget, BodyMalformed, BodyTooLarge } from './body.ts';
import { type BackendApi, Exchange, type Refusal, type Reply } from './exchange.ts';
import { misdirected } from './host-check.ts';

/** Bytes of request bodies in memory at once, over all ports. */
const BODY_BUDGET_BYTES = 128 * 1024 ** 2;
/** How long open requests may take to end when the stack closes. */
const DRAIN_MILLIS = 2000;
const IDLE_CHECK_MILLIS = 20;

export interface Mount {
  /** `/zipkin`, or `` for the root. The longest prefix that fits wins. */
  readonly prefix: string;
  readonly api: BackendApi;
}

export interface ListenerOptions {
  readonly mounts: readonly Mount[];
  readonly ownNames: readonly string[];
  readonly budget: BodyBudget;
  /** Reports a bug; the request is answered 500. */
  readonly onBug: (error: unknown) => void;
}

export function newBodyBudget(): BodyBudget {
  return new BodyBudget(BODY_BUDGET_BYTES);
}

/** One HTTP port with APIs mounted on it. */
export class Listener {
  readonly server: Server;
  readonly #options: ListenerOptions;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 60_000 }, (request, response) => {
      this.#serve(request, response).catch((error) => {
        options.onBug(error);
        response.destroy();
      });
    });
    // Our own server: never observed, should the stack run inside an observed process.
    (this.server as Server & { [kOwn]?: true })[kOwn] = true;
  }

  /** @throws NodeJS.ErrnoException such as EADDRINUSE */
  async listen(port: number, host: string): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    this.server.listen({ port, host }, resolve);
    await promise;
    this.server.off('error', reject);
    this.server.on('error', this.#options.onBug);
    return this.server.address() as AddressInfo;
  }

  /** Takes no new requests, lets open ones end for a moment, then cuts them. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    // A connection whose last answer has just gone out is idle only now.
    const idle = setInterval(() => this.server.closeIdleConnections(), IDLE_CHECK_MILLIS);
    const timer = setTimeout(() => this.server.closeAllConnections(), DRAIN_MILLIS);
    await closed;
    clearInterval(idle);
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const fullPath = mark < 0 ? url : url.slice(0, mark);
    const mount = this.#mountOf(fullPath);
    if (mount === undefined) return write(request, response, { status: 404, body: 'not found' });
    const path = fullPath.slice(mount.prefix.length) || '/';
    const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
    write(request, response, await this.#answer(mount.api, request, { path, query }));
  }

  async #answer(
    api: BackendApi,
    request: IncomingMessage,
    target: { path: string; query: URLSearchParams },
  ): Promise<Reply> {
    const stranger = misdirected(request, this.#options.ownNames);
    if (stranger !== undefined) return api.refuse({ status: 403, reason: stranger }, request.headers);
    try {
      return await api.handle(new Exchange(request, target, this.#options.budget));
    } catch (error) {
      if (request.destroyed && !request.complete) return { status: 400 };
      const refusal = refusalOf(error);
      if (refusal.status === 500) this.#options.onBug(error);
      return api.refuse(refusal, request.headers);
    }
  }

  #mountOf(path: string): Mount | undefined {
    let best: Mount | undefined;
    for (const mount of this.#options.mounts) {
      const fits = mount.prefix === '' || path === mount.prefix || path.startsWith(`${mount.prefix}/`);
      if (fits && (best === undefined || mount.prefix.length > best.prefix.length)) best = mount;
    }
    return best;
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof BodyTooLarge) return { status: 413, reason: error.message };
  if (error instanceof BodyMalformed) return { status: 400, reason: error.message };
  if (error instanceof StoreBusy)
    return { status: 503, reason: error.message, headers: { 'retry-after': String(error.retryAfterSeconds) } };
  if (error instanceof BodiesBusy) return { status: 503, reason: error.message, headers: { 'retry-after': '1' } };
  if (error instanceof QueryTimeout) return { status: 504, reason: `${error.message}; ask for less` };
  return { status: 500, reason: error instanceof Error ? error.message : String(error) };
}

function write(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const body = reply.body instanceof Uint8Array ? reply.body : Buffer.from(reply.body ?? '');
  response.writeHead(reply.status, {
    'x-content-type-options': 'nosniff',
    ...reply.headers,
    'content-length': body.length,
    ...(!request.complete && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  // What is left of a refused body is read away for a moment, so that the sender sees the answer and not a reset.
  if (!request.complete) request.resume();
}
