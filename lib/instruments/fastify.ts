import { channel } from 'node:diagnostics_channel';
import { fence } from '../core/fence.ts';
import { noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

interface FastifyRequest {
  readonly raw: unknown;
  /** 4.10 and up. */
  readonly routeOptions?: { readonly url?: string };
  /** Before 4.10. */
  readonly routerPath?: string;
}

interface FastifyReply {
  readonly request?: FastifyRequest;
}

interface HandlerEvent {
  readonly request: FastifyRequest;
  readonly route?: { readonly url?: unknown };
  readonly error?: unknown;
}

function noteRoute(scope: ServerScope, request: FastifyRequest): void {
  scope.route ??= request.routeOptions?.url ?? (request.routeOptions === undefined ? request.routerPath : undefined);
}

const noteAnswer = fence('fastify reply', (reply: FastifyReply, payload: unknown) => {
  const request = reply.request;
  const scope = scopeOf(request?.raw);
  if (scope === undefined || request === undefined) return;
  noteRoute(scope, request);
  if (payload instanceof Error) noteError(scope, payload);
});

/**
 * Every answer that Fastify makes passes through `reply.send`, also those of hooks that run before the handler, of
 * failed validation and of thrown errors. The handler's channel does not see these.
 */
function sends(original: Method): Method {
  return function send(this: FastifyReply, ...args: unknown[]): unknown {
    noteAnswer(this, args[0]);
    return Reflect.apply(original, this, args);
  };
}

/** Route patterns and errors of Fastify 4 and 5. The channels reach bundled copies too. */
export function instrumentFastify(): { stop(): void } {
  const undo: (() => void)[] = [];

  function subscribe(event: string, body: (message: HandlerEvent) => void): void {
    const name = `tracing:fastify.request.handler:${event}`;
    const subscriber = fence(name, (message: unknown) => body(message as HandlerEvent));
    channel(name).subscribe(subscriber);
    undo.push(() => channel(name).unsubscribe(subscriber));
  }

  subscribe('start', ({ request, route }) => {
    const scope = scopeOf(request?.raw);
    if (scope === undefined) return;
    if (typeof route?.url === 'string') scope.route = route.url;
    else noteRoute(scope, request);
  });

  subscribe('error', ({ request, error }) => {
    const scope = scopeOf(request?.raw);
    if (scope !== undefined) noteError(scope, error);
  });

  undo.push(
    onRequire(
      (id, parent) => (id.endsWith('reply') || id.endsWith('reply.js')) && isFileOf('fastify', 'lib/reply', id, parent),
      (exported) => patchMethod(exported.prototype ?? {}, 'send', sends) !== undefined,
    ),
  );

  return {
    stop() {
      for (const stop of undo.splice(0)) stop();
    },
  };
}
