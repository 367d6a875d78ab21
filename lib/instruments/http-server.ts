import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { active, applyIn, enter, ROOT } from '../context/context.ts';
import type { RequestScope } from '../context/request-scope.ts';
import { http } from '../core/builtin.ts';
import { fence, reportBug } from '../core/fence.ts';
import { kOwn, kScope } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { abortOpenRequests, forgetRequest, openRequestsOn } from './open-requests.ts';
import { patchMethod } from './patch.ts';
import { appendToHead, headHas } from './rendered-head.ts';
import { serveIn } from './serve-in.ts';
import { failRequest, requestEnder } from './server-end.ts';
import { scopeMaker } from './server-request.ts';
import { ServerScope } from './server-scope.ts';
import type { ObservedServer, ServerWatch } from './servers.ts';
import { upgradeStarter } from './upgrade.ts';

/** What `http.server.request.start` and `http.server.response.finish` publish. */
interface ServerMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: ObservedServer;
}

interface Scoped {
  [kScope]?: ServerScope;
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
        scope.settle();
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
 * Node 22 shows the next `clientError` on a kept-alive socket the context of the request before. Upgrades and CONNECT
 * have no channel: they begin here.
 */
function withServerContext(beginUpgrade: (request: IncomingMessage, socket: Socket) => ServerScope | undefined) {
  return (original: (...args: any[]) => any) =>
    function emit(this: Server & { [kOwn]?: boolean }, ...args: unknown[]): unknown {
      let scope = (args[1] as Scoped | undefined)?.[kScope];
      if (scope === undefined && (args[0] === 'upgrade' || args[0] === 'connect') && this[kOwn] !== true) {
        scope = beginUpgrade(args[1] as IncomingMessage, args[2] as Socket);
      }
      if (scope !== undefined && active().request !== scope) {
        return serveIn(scope, original, this, args);
      }
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
  const emitWithContext = withServerContext(upgradeStarter(deps, { makeScope, end }));
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
    const { request, response, socket, server } = message as ServerMessage;
    if (server[kOwn] === true) return;
    servers.add(server);
    const scope = makeScope({ request, response, socket });
    (request as Scoped)[kScope] = scope;
    (response as Scoped)[kScope] = scope;
    openRequestsOn(socket, end).add(scope);
    deps.metrics.serverStarted(scope.method, scope.scheme);
    // Someone has replaced `emit` on this very server, maybe around an original that we have not reached.
    if (Object.hasOwn(server, 'emit')) enter(scope.context);
  }

  function onResponseFinish(message: unknown): void {
    const { request, response, socket } = message as ServerMessage;
    const scope = (request as Scoped)[kScope];
    if (scope === undefined) return;
    forgetRequest(socket, scope);
    end(scope, response.statusCode);
  }

  function subscribe(name: string, body: (message: unknown) => void): void {
    const subscriber = fence(name, body);
    channel(name).subscribe(subscriber);
    undo.push(() => channel(name).unsubscribe(subscriber));
  }

  patch(http.Server.prototype, 'emit', emitWithContext);
  patch(http.ServerResponse.prototype, 'writeHead', withCorrelationId);
  patch(http.ServerResponse.prototype, 'writeHeader', withCorrelationId);
  subscribe('http.server.request.start', onRequestStart);
  subscribe('http.server.response.finish', onResponseFinish);
  // `https.Server` and classes of the app's own have other prototypes; most inherit what is patched already.
  servers.onServer((server) => {
    if (!(server instanceof http.Server)) patch(Object.getPrototypeOf(server), 'emit', emitWithContext);
  });

  return {
    stop() {
      for (const restore of undo.splice(0)) restore();
    },
    connections: servers.connections,
    abortOpen: abortOpenRequests,
    fail(scope, error) {
      if (scope instanceof ServerScope) failRequest(end, scope, error);
    },
  };
}
