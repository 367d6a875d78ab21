import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { runOutside } from '../context/context.ts';
import { http } from '../core/builtin.ts';
import { diag } from '../core/diag.ts';
import { fence, reportBug } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import { hasToken, isForeign, isLoopback } from './access.ts';
import type { Answer } from './http-answer.ts';
import { text } from './http-answer.ts';
import type { Route, RouteDependencies } from './routes.ts';
import { createRoutes } from './routes.ts';

/** Ports tried after a default one that is taken: more services than that on one machine name their ports. */
const MAX_PORT_TRIES = 100;
const HEADERS_TIMEOUT_MILLIS = 5000;
const REQUEST_TIMEOUT_MILLIS = 10_000;
/** Longer than the usual scrape interval, so that a scraper keeps its connection. */
const KEEP_ALIVE_MILLIS = 65_000;
const MAX_HEADER_BYTES = 8192;
/** Connections at once; further ones are closed. */
const MAX_CONNECTIONS = 64;

export interface AdminOptions extends RouteDependencies {
  /** Address to bind to. */
  readonly host: string;
  /** `0` = any free one. */
  readonly port: number;
  /** Whether somebody asked for this port: then it, or none. */
  readonly portExplicit: boolean;
  /** Needed off loopback for everything that is not open. */
  readonly token: string | undefined;
  /** Told the URL once the port listens. */
  readonly onListening?: (url: string) => void;
  /** A sentence worth one line; default: the diagnostics at level info. */
  readonly onNotice?: (sentence: string) => void;
}

export interface Admin {
  /** Opens the port; what goes wrong is said, never thrown. */
  start(): void;
  /** Undefined until the port listens. */
  readonly url: string | undefined;
  /** Closes the port and its connections, once. */
  close(): Promise<void>;
}

/** The address as a client of this machine would write it. */
function urlOf({ address, family, port }: AddressInfo): string {
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${family === 'IPv6' || reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/**
 * The admin port of a service: metrics for scrapers, probes, health, log levels. Never holds the process, is never
 * observed itself, and answers outside of every request of the app.
 */
export function createAdmin(options: AdminOptions): Admin {
  return new AdminServer(options);
}

class AdminServer implements Admin {
  private readonly options: AdminOptions;
  private readonly routes: ReadonlyMap<string, Route>;
  private readonly isLocal: boolean;
  private server: Server | undefined = undefined;
  private address: string | undefined = undefined;
  private closed = false;

  constructor(options: AdminOptions) {
    this.options = options;
    this.routes = createRoutes(options);
    this.isLocal = isLoopback(options.host);
  }

  get url(): string | undefined {
    return this.address;
  }

  start(): void {
    if (this.server !== undefined || this.closed) return;
    try {
      runOutside(() => this.listen(this.options.port, MAX_PORT_TRIES));
    } catch (error) {
      reportBug('admin port', error);
    }
  }

  private listen(port: number, triesLeft: number): void {
    const server = http.createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MILLIS,
        requestTimeout: REQUEST_TIMEOUT_MILLIS,
        keepAliveTimeout: KEEP_ALIVE_MILLIS,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      fence('admin request', (request: IncomingMessage, response: ServerResponse) => this.serve(request, response)),
    );
    Object.defineProperty(server, kOwn, { value: true });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket: Socket) => socket.unref());
    server.on('clientError', (_, socket) => socket.destroy());
    server.once(
      'error',
      fence('admin port', (error: NodeJS.ErrnoException) => this.refused(error, port, triesLeft)),
    );
    this.server = server;
    // Exclusive: workers of a cluster would else share one port, and a scrape would hit any of them.
    server.listen(
      { port, host: this.options.host, exclusive: true },
      fence('admin port', () => this.listening(server)),
    );
    server.unref();
  }

  private listening(server: Server): void {
    // A later failure of the server is not about the port.
    server.removeAllListeners('error');
    server.on('error', (error) => reportBug('admin port', error));
    const bound = server.address() as AddressInfo;
    this.address = urlOf(bound);
    const { port, onListening, onNotice = (sentence) => diag.info(sentence) } = this.options;
    if (port !== 0 && bound.port !== port) {
      diag.warn(
        'SIGHTLINE_W_PORT_TAKEN',
        `port ${port} is taken, the admin port is ${this.address}. Set SIGHTLINE_ADMIN_PORT to choose one (0 = any free one, off = none).`,
      );
    }
    onNotice(`admin port: ${this.address}`);
    onListening?.(this.address);
  }

  private refused(error: NodeJS.ErrnoException, port: number, triesLeft: number): void {
    this.server = undefined;
    if (this.closed) return;
    const { host, portExplicit } = this.options;
    if (error.code === 'EADDRINUSE' && !portExplicit && triesLeft > 1 && port < 65_535) {
      runOutside(() => this.listen(port + 1, triesLeft - 1));
      return;
    }
    const why = error.code === 'EADDRINUSE' ? 'it is taken' : error.message;
    diag.error(
      'SIGHTLINE_E_PORT_TAKEN',
      `got admin port ${port} on ${host}, but ${why}; there is no admin port, the app runs. Set SIGHTLINE_ADMIN_PORT to a free port, 0 (any) or off.`,
    );
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    runOutside(() => this.answer(request)).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        // A client that goes away while its body is read is not a bug.
        if (!request.destroyed || request.complete) reportBug('admin request', error);
        send(response, text(500, 'SIGHTLINE_E_INTERNAL: the request failed; see stderr of the service'));
      },
    );
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const target = request.url ?? '/';
    const question = target.indexOf('?');
    const path = question < 0 ? target : target.slice(0, question);
    const route = this.routes.get(path);
    if (!this.isLocal && !(route?.open ?? false) && !this.hasToken(request)) {
      return text(
        403,
        `SIGHTLINE_E_OPTION: ${this.options.token === undefined ? 'SIGHTLINE_ADMIN_TOKEN is not set' : 'the token is missing or wrong'}; off loopback this needs 'Authorization: Bearer $SIGHTLINE_ADMIN_TOKEN'`,
      );
    }
    if (route === undefined)
      return text(404, `SIGHTLINE_E_NOT_FOUND: nothing here; there is ${[...this.routes.keys()].join(' ')}`);
    const method = request.method ?? 'GET';
    if (!route.methods.includes(method))
      return text(405, `${method} is not possible here`, { allow: route.methods.join(', ') });
    if (this.isLocal && method !== 'GET' && method !== 'HEAD' && isForeign(request) && !this.hasToken(request)) {
      return text(403, 'SIGHTLINE_E_OPTION: a change must be asked for by this machine, under a name of this machine');
    }
    return route.handle(request, new URLSearchParams(question < 0 ? '' : target.slice(question + 1)));
  }

  private hasToken(request: IncomingMessage): boolean {
    const { token } = this.options;
    return token !== undefined && token !== '' && hasToken(request, token);
  }

  close(): Promise<void> {
    this.closed = true;
    const { server } = this;
    this.server = undefined;
    this.address = undefined;
    if (server === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}

function send(response: ServerResponse, { status, contentType, body, headers }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // An unread body must not be taken for the next request of the connection.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(body);
}
