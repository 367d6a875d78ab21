import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fence, reportBug } from '../core/fence.ts';
import { noteError, scopeOf } from './framework.ts';
import { isFileOf, onRequire } from './module-hooks.ts';
import { patchMethod } from './patch.ts';
import type { ServerScope } from './server-scope.ts';

type Method = (...args: any[]) => any;

/** What Nest passes to filters: the arguments of the handler; the first is the request of Express or Fastify. */
interface ArgumentsHost {
  getArgByIndex(index: number): unknown;
}

/** Frames looked at for Nest's: its adapter makes the application of the framework below it. */
const STACK_FRAMES = 30;
/** A file of Nest as a stack shows an ES module. */
const NEST_FRAME = /(file:\/\/[^\s)]*\/node_modules\/@nestjs\/(?:core|platform-[a-z]+)\/[^\s)]*?\.js)(?::|\))/;

/** The scope of what Express and Fastify pass as request: Node's own, or theirs with it as `raw`. */
function scopeOfRequest(request: unknown): ServerScope | undefined {
  return scopeOf(request) ?? scopeOf((request as { raw?: unknown } | null | undefined)?.raw);
}

const keepError = fence('nest error', (error: unknown, host: ArgumentsHost | undefined) => {
  const scope = scopeOfRequest(host?.getArgByIndex(0));
  if (scope !== undefined) noteError(scope, error);
});

const keepHandler = fence('nest handler', (request: unknown, name: string) => {
  const scope = scopeOfRequest(request);
  if (scope !== undefined) scope.handler = name;
});

/** All that a handler, guard, pipe or interceptor throws comes here, before any filter of the app sees it. */
function nextError(original: Method): Method {
  return function next(this: unknown, ...args: unknown[]): unknown {
    keepError(args[0], args[1] as ArgumentsHost | undefined);
    return Reflect.apply(original, this, args);
  };
}

/** Makes what is registered with the framework for a method of a controller: from there on its name is known. */
function createsProxy(original: Method): Method {
  return function createCallbackProxy(this: unknown, ...args: unknown[]): unknown {
    const proxy = Reflect.apply(original, this, args);
    if (typeof proxy !== 'function') return proxy;
    const owner = (args[0] as { constructor?: { name?: string } } | undefined)?.constructor?.name ?? '';
    const name = owner === '' ? String(args[2]) : `${owner}.${String(args[2])}`;
    // Three parameters: one more would be a handler of errors.
    return function (this: unknown, request: unknown, response: unknown, next: unknown): unknown {
      keepHandler(request, name);
      return Reflect.apply(proxy as Method, this, [request, response, next]);
    };
  };
}

function patchExceptionsHandler(exported: any): boolean {
  return patchMethod(exported.ExceptionsHandler?.prototype ?? {}, 'next', nextError) !== undefined;
}

function patchRouterExplorer(exported: any): boolean {
  return patchMethod(exported.RouterExplorer?.prototype ?? {}, 'createCallbackProxy', createsProxy) !== undefined;
}

/**
 * Nest from 12 on is ES modules, which nothing tells of. But it makes an Express or Fastify application first, and
 * the stack of that moment names a file of it; the modules beside that file are loaded already, so that importing them
 * again only hands them over. It is done before the app can have declared its routes.
 */
function esModuleFinder(): () => void {
  const found = new Set<string>();

  async function patchBeside(frame: string): Promise<void> {
    const core = dirname(createRequire(fileURLToPath(frame)).resolve('@nestjs/core/package.json'));
    if (found.has(core)) return;
    found.add(core);
    const beside = (file: string) => import(pathToFileURL(`${core}/${file}.js`).href);
    patchExceptionsHandler(await beside('exceptions/exceptions-handler'));
    patchRouterExplorer(await beside('router/router-explorer'));
  }

  return fence('search for nest', () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = STACK_FRAMES;
    const { stack } = new Error();
    Error.stackTraceLimit = limit;
    const frame = NEST_FRAME.exec(typeof stack === 'string' ? stack : '')?.[1];
    if (frame === undefined) return;
    patchBeside(frame).catch((error: unknown) => reportBug('instrumentation of nest', error));
  });
}

/** Errors of NestJS 10 and up, on Express and on Fastify, which its exception filters answer before these see them. */
export function instrumentNest(): { stop(): void } {
  const look = esModuleFinder();
  // The latter for applications that the app has made itself and handed to Nest.
  const moments = [channel('fastify.initialization'), channel('tracing:net.server.listen:asyncStart')];
  for (const moment of moments) moment.subscribe(look);
  const undo = [
    () => {
      for (const moment of moments) moment.unsubscribe(look);
    },
    onRequire(
      (id, parent) =>
        id.includes('exceptions-handler') && isFileOf('@nestjs/core', 'exceptions/exceptions-handler', id, parent),
      patchExceptionsHandler,
    ),
    onRequire(
      (id, parent) => id.includes('router-explorer') && isFileOf('@nestjs/core', 'router/router-explorer', id, parent),
      patchRouterExplorer,
    ),
    onRequire(
      (id, parent) => id.includes('application') && isFileOf('express', 'lib/application', id, parent),
      (exported) =>
        patchMethod(
          exported,
          'init',
          (original) =>
            function init(this: unknown, ...args: unknown[]): unknown {
              look();
              return Reflect.apply(original, this, args);
            },
        ) !== undefined,
    ),
  ];
  return {
    stop() {
      for (const stop of undo.splice(0)) stop();
    },
  };
}
