import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { active } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import { kScope } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { emitIn } from './incoming-message.ts';
import { forgetRequest, openRequestsOn } from './open-requests.ts';
import type { RequestEnder } from './server-end.ts';
import type { ScopeMaker } from './server-request.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

/** The status line of an answer (RFC 9112 §4); the app writes it by itself. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: |\r)/;
const STATUS_LINE_LENGTH = 'HTTP/1.1 101 '.length;
const SWITCHING_PROTOCOLS = 101;

/** The status in what an app has written; undefined when it is no head. */
function statusOf(chunk: unknown): number | undefined {
  let head = '';
  if (typeof chunk === 'string') head = chunk.slice(0, STATUS_LINE_LENGTH);
  else if (chunk instanceof Uint8Array) head = Buffer.from(chunk.subarray(0, STATUS_LINE_LENGTH)).toString('latin1');
  const digits = STATUS_LINE.exec(head)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Puts a method on one socket, in front of the one that it inherits. */
function shadow(socket: Socket, name: 'emit' | 'end' | 'write', method: Method): void {
  Object.defineProperty(method, 'name', { value: name, configurable: true });
  Object.defineProperty(socket, name, { value: method, writable: true, configurable: true, enumerable: false });
}

/**
 * The handshake of an upgrade, or of CONNECT: it is over when the app has written a status line to the socket, whoever
 * does it (`ws`, a proxy, the app itself), and aborted when the socket closes before. What is written is not touched.
 * Events of the socket keep the context, so that what comes through a WebSocket is logged with the ID of its handshake.
 */
export function upgradeStarter(
  deps: InstrumentDependencies,
  { makeScope, end }: { readonly makeScope: ScopeMaker; readonly end: RequestEnder },
): (request: IncomingMessage, socket: Socket) => ServerScope | undefined {
  /** @returns whether the answer is still to come: this was an interim one (100 to 199, but for the 101 itself) */
  const readHead = fence('answer to an upgrade', (socket: Socket, scope: ServerScope, chunk: unknown): boolean => {
    const status = statusOf(chunk);
    if (status === undefined) return false;
    if (status < 200 && status !== SWITCHING_PROTOCOLS) return true;
    forgetRequest(socket, scope);
    end(scope, status);
    return false;
  });

  function watchHead(socket: Socket, scope: ServerScope): void {
    const shadows: Partial<Record<'write' | 'end', Method>> = {};
    for (const name of ['write', 'end'] as const) {
      const original: Method = socket[name];
      const method = function (this: Socket, ...args: unknown[]): unknown {
        // `end()` without a chunk says nothing; anything else is the head, or no HTTP at all.
        const says = typeof args[0] !== 'function' && args[0] !== undefined && args[0] !== null;
        if (says) {
          if (readHead(socket, scope, args[0]) !== true) unwatch();
        }
        return Reflect.apply(original, this, args);
      };
      shadow(socket, name, method);
      shadows[name] = method;
    }
    function unwatch(): void {
      for (const name of ['write', 'end'] as const) {
        // Somebody who has wrapped us in the meantime keeps what he has.
        if (socket[name] === shadows[name]) Reflect.deleteProperty(socket, name);
      }
    }
  }

  function keepContext(socket: Socket, scope: ServerScope): void {
    const original: Method = socket.emit;
    shadow(socket, 'emit', function (this: Socket, ...args: unknown[]): unknown {
      if (active().request === scope) return Reflect.apply(original, this, args);
      return emitIn(scope, original, this, args);
    });
  }

  return fence('upgrade', (request: IncomingMessage, socket: Socket) => {
    if (typeof request?.method !== 'string' || typeof socket?.write !== 'function') return undefined;
    const scope = makeScope({ request, response: undefined, socket });
    (request as { [kScope]?: ServerScope })[kScope] = scope;
    openRequestsOn(socket, end).add(scope);
    deps.metrics.serverStarted(scope.method, scope.scheme);
    watchHead(socket, scope);
    keepContext(socket, scope);
    return scope;
  });
}
