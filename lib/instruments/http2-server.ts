import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { active } from '../context/context.ts';
import { fence, reportBug } from '../core/fence.ts';
import { kOwn, kScope } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { readStatus, rpcCall } from './grpc.ts';
import type { Http2 } from './http2-loading.ts';
import { emitIn } from './incoming-message.ts';
import { forgetRequest, openRequestsOn } from './open-requests.ts';
import { patchMethod } from './patch.ts';
import { serveIn } from './serve-in.ts';
import { abortRequest, requestEnder } from './server-end.ts';
import { scopeMaker } from './server-request.ts';
import type { ServedConnection, ServerScope } from './server-scope.ts';
import type { ObservedServer, ServerWatch } from './servers.ts';

type Method = (...args: any[]) => any;
/** Its `[kScope]` is ours; `sentHeaders` is undefined until there is a head. */
type Stream = ServerHttp2Stream & { [kScope]?: ServerScope };

/** On a session: what is read of its connection, once for all its streams. */
const kConnection = Symbol('sightline.connection');
type Session = ServerHttp2Session & { [kConnection]?: ServedConnection; server?: ObservedServer };

const STATUS = ':status';
const NO_ERROR = 0;
const HTTP_2 = '2';

/** Where the headers are among the arguments of what sends the head of an answer. */
const HEAD_METHODS = { respond: 0, respondWithFD: 1, respondWithFile: 1 } as const;

function connectionOf(session: Session): ServedConnection {
  let connection = session[kConnection];
  if (connection === undefined) {
    const { remoteAddress, localAddress, localPort } = session.socket;
    connection = {
      remoteAddress,
      localAddress,
      localPort,
      encrypted: session.encrypted === true,
      writableLength: 0,
      bytesWritten: 0,
    };
    session[kConnection] = connection;
  }
  return connection;
}

function hasHeader(headers: object, name: string): boolean {
  for (const key of Object.keys(headers)) if (key.toLowerCase() === name) return true;
  return false;
}

/** The headers of an answer and the ID: a copy, as Node makes one too. What is no object is left to Node to refuse. */
function withCorrelationId(headers: unknown, scope: ServerScope): unknown {
  const { responseHeader, secondResponseHeader, correlationId } = scope;
  if (Array.isArray(headers)) {
    const names = new Set(headers.filter((_value, index) => index % 2 === 0).map((name) => String(name).toLowerCase()));
    const added = [responseHeader, secondResponseHeader].filter((name) => name !== '' && !names.has(name));
    return [...headers, ...added.flatMap((name) => [name, correlationId])];
  }
  if (headers !== undefined && headers !== null && typeof headers !== 'object') return headers;
  const given = headers ?? {};
  // With its symbols: `http2.sensitiveHeaders` is one.
  const copy: Record<string, unknown> = Object.assign(Object.create(null), given);
  if (!hasHeader(given, responseHeader)) copy[responseHeader] = correlationId;
  if (secondResponseHeader !== '' && !hasHeader(given, secondResponseHeader))
    copy[secondResponseHeader] = correlationId;
  return copy;
}

function sendsHead(position: number): (original: Method) => Method {
  return (original) =>
    function respond(this: Stream, ...args: unknown[]): unknown {
      const scope = this[kScope];
      if (scope !== undefined && !scope.ended) {
        try {
          args[position] = withCorrelationId(args[position], scope);
        } catch (error) {
          reportBug('response header', error);
        }
      }
      return Reflect.apply(original, this, args);
    };
}

/**
 * Observes every HTTP/2 server of the process that is not marked as our own, `Http2ServerRequest` and streams alike,
 * with and without TLS. What such a server serves over HTTP/1 (`allowHTTP1`) is the matter of `http-server`.
 */
export function instrumentHttp2Server(
  deps: InstrumentDependencies,
  servers: ServerWatch,
): (http2: Http2, sessionPrototype: object) => (() => void)[] {
  const makeScope = scopeMaker(deps);
  const end = requestEnder(deps);

  const begin = fence('HTTP/2 request', (session: Session, stream: Stream, headers: IncomingHttpHeaders) => {
    const known = stream[kScope];
    if (known !== undefined) return known;
    const server = session.server;
    if (server?.[kOwn] === true) return undefined;
    if (server !== undefined) servers.add(server);
    const scope = makeScope({
      request: {
        method: headers[':method'],
        url: headers[':path'] ?? '/',
        httpVersion: HTTP_2,
        headers,
        authority: headers[':authority'],
      },
      response: undefined,
      socket: connectionOf(session),
    });
    scope.rpc = rpcCall(headers['content-type'], scope.path);
    stream[kScope] = scope;
    openRequestsOn(session, end).add(scope);
    deps.metrics.serverStarted(scope.method, scope.scheme);
    return scope;
  });

  /** The answer was handed over, or the stream is gone: by its end, by a reset of either side, with its session. */
  const finish = fence('end of an HTTP/2 request', (stream: Stream, scope: ServerScope, event: unknown) => {
    const status = stream.sentHeaders?.[STATUS];
    // Node ends the writable side of a stream that was reset, too.
    const complete = status !== undefined && stream.rstCode === NO_ERROR && !stream.aborted;
    const { rpc } = scope;
    if (rpc !== undefined) {
      readStatus(rpc, stream.sentHeaders);
      readStatus(rpc, stream.sentTrailers);
      // The status is in trailers, which may leave after the last byte.
      if (event === 'finish' && rpc.code === undefined) return;
    }
    // A file is sent below the stream: only its close says that it has left.
    if (event === 'finish' && !complete) return;
    if (stream.session !== undefined) forgetRequest(stream.session, scope);
    if (complete) end(scope, Number(status));
    else abortRequest(end, scope);
  });

  function streamEmit(original: Method): Method {
    return function emit(this: Stream, ...args: unknown[]): unknown {
      const scope = this[kScope];
      if (scope === undefined) return Reflect.apply(original, this, args);
      if (!scope.ended && (args[0] === 'finish' || args[0] === 'close')) finish(this, scope, args[0]);
      if (active().request === scope) return Reflect.apply(original, this, args);
      return emitIn(scope, original, this, args);
    };
  }

  return (http2, sessionPrototype) => {
    const undo: (() => void)[] = [];
    const patched = new WeakSet<object>();

    function patch(target: object, name: string, wrap: (original: Method) => Method): void {
      const restore = patchMethod(target as Record<string, unknown>, name, wrap);
      if (restore !== undefined) undo.push(restore);
    }

    function patchStream(stream: Stream): void {
      const prototype = Object.getPrototypeOf(stream) as object;
      if (patched.has(prototype)) return;
      patched.add(prototype);
      patch(prototype, 'emit', streamEmit);
      for (const [name, position] of Object.entries(HEAD_METHODS)) patch(prototype, name, sendsHead(position));
    }

    patch(
      sessionPrototype,
      'emit',
      (original) =>
        function emit(this: Session, ...args: unknown[]): unknown {
          if (args[0] !== 'stream') return Reflect.apply(original, this, args);
          const stream = args[1] as Stream;
          const scope = begin(this, stream, args[2] as IncomingHttpHeaders);
          if (scope === undefined) return Reflect.apply(original, this, args);
          patchStream(stream);
          return serveIn(scope, original, this, args);
        },
    );
    // Frameworks hold the request object of the compatibility API: it has the scope of its stream.
    const requestPrototype = http2.Http2ServerRequest.prototype;
    if (!Object.hasOwn(requestPrototype, kScope)) {
      Object.defineProperty(requestPrototype, kScope, {
        get(this: { readonly stream?: Stream }) {
          return this.stream?.[kScope];
        },
        configurable: true,
      });
      undo.push(() => Reflect.deleteProperty(requestPrototype, kScope));
    }
    return undo;
  };
}
