import { channel } from 'node:diagnostics_channel';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { active, applyIn, enter, ROOT } from '../context/context.ts';
import type { RequestScope } from '../context/request-scope.ts';
import { http } from '../core/builtin.ts';
import { fence, reportBug } from '../core/fence.ts';
import { kOwn, kScope } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { emitIn } from './incoming-message.ts';
import { patchMethod } from './patch.ts';
import { appendToHead, headHas } from './rendered-head.ts';
import { abortRequest, failRequest, type RequestEnder, requestEnder } from './server-end.ts';
import { type RequestStart, scopeMaker } from './server-request.ts';
import { ServerScope } from './server-scope.ts';
import type { ObservedServer, ServerWatch } from './servers.ts';

/** On a socket: the requests on it that are not over. */
const kOpen = Symbol('sightline.open');

interface Scoped {
  [kScope]?: ServerScope;
}

/** Open requests of a socket: nearly always one; more only when a client pipelines. */
class OpenRequests {
  private first: ServerScope | undefined;
  private others: Set<ServerScope> | undefined;
  private readonly end: RequestEnder;

  constructor(end: RequestEnder) {
    this.end = end;
  }

  add(scope: ServerScope): void {
    if (this.first === undefined) this.first = scope;
    else (this.others ??= new Set()).add(scope);
  }

  delete(scope: ServerScope): void {
    if (this.first === scope) this.first = undefined;
    else this.others?.delete(scope);
  }

  abortAll(): void {
    const { first, others } = this;
    this.first = undefined;
    this.others = undefined;
    if (first !== undefined) abortRequest(this.end, first);
    if (others !== undefined) for (const scope of others) abortRequest(this.end, scope);
  }
}

type ObservedSocket = Socket & { [kOpen]?: OpenRequests };

/** Connections that have brought a request, as long as they are open: as many as Node itself holds. */
const openConnections = new Set<OpenRequests>();

const onSocketClose = fence('close of a connection', function (this: void, socket: ObservedSocket) {
  const open = socket[kOpen];
  if (open === undefined) return;
  openConnections.delete(open);
  open.abortAll();
});

/** One for all sockets; a listener per request would add up on a kept-alive connection. */
function closeListener(this: ObservedSocket): void {
  onSocketClose(this);
}

function addCorrelationId(response: ServerResponse, scope: ServerScope): void {
  // 1xx are not the answer; the head of the answer follows.
  if (response.statusCode < 200) return;
  const { responseHeader, secondResponseHeader, correlationId } = scope;
  let lines = '';
  if (!headHas(response, responseHeader)) lines = `${responseHeader}: ${correlationId}\r\n`;
  if (secondResponseHeader !== '' && !headHas(response, secondResponseHeader)) {
    lines += `${secondResponseHeader}: ${correlationId}\r\n`;
  }
  if (lines !== '') appendToHead(response, lines);
}

/** `writeHead` runs as it is, then the ID joins the head that it has rendered: every form of arguments, every error stays. */
function withCorrelationId(original: (...args: any[]) => any) {
  return function writeHead(this: ServerResponse & Scoped, ...args: unknown[]): unknown {
    const result = Reflect.apply(original, this, args);
    const scope = this[kScope];
    if (scope !== undefined) {
      try {
        addCorrelationId(this, scope);
      } catch (error) {
        reportBug('response header', error);
      }
    }
    return result;
  };
}

/**
 * The handler runs in the request's context, and nothing of it stays behind on the connection: with `enterWith`,
 * Node 22 shows the next `clientError` on a kept-alive socket the context of the request before.
 */
function withServerContext(original: (...args: any[]) => any) {
  return function emit(this: Server, ...args: unknown[]): unknown {
    const scope = (args[1] as Scoped | undefined)?.[kScope];
    if (scope !== undefined && active().request !== scope) return emitIn(scope, original, this, args);
    if (args[0] === 'clientError' && active() !== ROOT) return applyIn(ROOT, original, this, args);
    return Reflect.apply(original, this, args);
  };
}

export interface HttpServerInstrument {
  /** Takes everything back; requests in flight are not ended. */
  stop(): void;
  /** Open connections of all listening HTTP servers of the app. */
  connections(): number;
  /** Ends every open request as aborted: the process goes, and their connections with it. */
  abortOpen(): void;
  /** Ends a request that its process does not survive. Once; later calls and the later close do nothing. */
  fail(scope: RequestScope, error: unknown): void;
}

/**
 * Observes every HTTP/1 server of the process (`http` and `https`) that is not marked as our own. Needs
 * `patchIncomingMessage` for bodies that arrive late.
 */
export function instrumentHttpServer(deps: InstrumentDependencies, servers: ServerWatch): HttpServerInstrument {
  const makeScope = scopeMaker(deps);
  const end = requestEnder(deps);
  const undo: (() => void)[] = [];

  function patch(
    target: object,
    name: string,
    wrap: (original: (...args: any[]) => any) => (...args: any[]) => any,
  ): void {
    const restore = patchMethod(target as Record<string, unknown>, name, wrap);
    if (restore !== undefined) undo.push(restore);
  }

  function onRequestStart(message: unknown): void {
    const { request, response, socket, server } = message as RequestStart & { server: ObservedServer };
    if (server[kOwn] === true) return;
    servers.add(server);
    const scope = makeScope({ request, response, socket });
    (request as Scoped)[kScope] = scope;
    (response as Scoped)[kScope] = scope;
    const observed = socket as ObservedSocket;
    let open = observed[kOpen];
    if (open === undefined) {
      open = new OpenRequests(end);
      observed[kOpen] = open;
      openConnections.add(open);
      socket.on('close', closeListener);
    }
    open.add(scope);
    deps.metrics.serverStarted(scope.method, scope.scheme);
    // Someone has replaced `emit` on this very server, maybe around an original that we have not reached.
    if (Object.hasOwn(server, 'emit')) enter(scope.context);
  }

  function onResponseFinish(message: unknown): void {
    const { request, response, socket } = message as RequestStart;
    const scope = (request as Scoped)[kScope];
    if (scope === undefined) return;
    (socket as ObservedSocket)[kOpen]?.delete(scope);
    end(scope, response.statusCode);
  }

  function subscribe(name: string, body: (message: unknown) => void): void {
    const subscriber = fence(name, body);
    channel(name).subscribe(subscriber);
    undo.push(() => channel(name).unsubscribe(subscriber));
  }

  patch(http.Server.prototype, 'emit', withServerContext);
  patch(http.ServerResponse.prototype, 'writeHead', withCorrelationId);
  patch(http.ServerResponse.prototype, 'writeHeader', withCorrelationId);
  subscribe('http.server.request.start', onRequestStart);
  subscribe('http.server.response.finish', onResponseFinish);
  // `https.Server` and classes of the app's own have other prototypes; most inherit what is patched already.
  servers.onServer((server) => {
    if (!(server instanceof http.Server)) patch(Object.getPrototypeOf(server), 'emit', withServerContext);
  });

  return {
    stop() {
      for (const restore of undo.splice(0)) restore();
    },
    connections: servers.connections,
    abortOpen() {
      for (const open of openConnections) open.abortAll();
    },
    fail(scope, error) {
      if (scope instanceof ServerScope) failRequest(end, scope, error);
    },
  };
}
