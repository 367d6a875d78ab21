import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { active, applyIn, type ObservationContext } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { readStatus, rpcCall } from './grpc.ts';
import { beginExchange, type Exchange, type HeaderCarrier, type OutboundTarget } from './outbound.ts';
import { patchMethod } from './patch.ts';

type Method = (...args: any[]) => any;

/** On a stream: its exchange, and the context in which the request was made. */
const kCall = Symbol('sightline.call');
type Stream = ClientHttp2Stream & { [kCall]?: { readonly exchange: Exchange; readonly context: ObservationContext } };

/** On a session: where it goes to; undefined when it is not to be observed. */
const kTarget = Symbol('sightline.target');
interface SessionTarget {
  readonly scheme: string;
  readonly host: string;
  readonly port: number | undefined;
}
type Session = ClientHttp2Session & { [kOwn]?: boolean; [kTarget]?: SessionTarget | undefined };

const NO_ERROR = 0;

/** Headers of `session.request`: an object, or a flat list of names and values (Node 24 and up); a copy in either case. */
class StreamHeaders implements HeaderCarrier {
  readonly copy: Record<string, unknown> | unknown[];
  private readonly names = new Map<string, unknown>();

  constructor(headers: object | undefined) {
    if (Array.isArray(headers)) {
      this.copy = [...headers];
      for (let index = 0; index < headers.length; index += 2) this.note(headers[index], headers[index + 1]);
    } else {
      // With its symbols: `http2.sensitiveHeaders` is one.
      this.copy = Object.assign(Object.create(null), headers);
      for (const [name, value] of Object.entries(this.copy)) this.note(name, value);
    }
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  set(name: string, value: string): void {
    if (Array.isArray(this.copy)) this.copy.push(name, value);
    else this.copy[name] = value;
  }

  text(name: string): string | undefined {
    const value = this.names.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  private note(name: unknown, value: unknown): void {
    this.names.set(String(name).toLowerCase(), value);
  }
}

function ownSymbol(target: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(target).find((one) => one.description === description);
  return symbol === undefined ? undefined : (target as Record<symbol, unknown>)[symbol];
}

/** The client of a session that undici has made: its requests are observed on undici's own channels. */
function isOfUndici(session: Session): boolean {
  return Object.getOwnPropertySymbols(session).some(({ description }) => description === 'open streams');
}

/** What `http2.connect` was given, which Node keeps as `host:port`; else what the socket says. */
function targetOf(session: Session): SessionTarget {
  const scheme = session.encrypted === true || ownSymbol(session, 'protocol') === 'https:' ? 'https' : 'http';
  const authority = ownSymbol(session, 'authority');
  const text = typeof authority === 'string' ? authority : '';
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (colon > 0 && Number.isInteger(port)) {
    const host = text.slice(0, colon);
    return { scheme, host: host.startsWith('[') ? host.slice(1, -1) : host, port };
  }
  return { scheme, host: text !== '' ? text : (session.socket?.remoteAddress ?? ''), port: session.socket?.remotePort };
}

/** A session that could not connect cancels its streams; what happened is the cause of that. */
function reasonOf(error: unknown): unknown {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return code === 'ERR_HTTP2_STREAM_CANCEL' && cause instanceof Error ? cause : error;
}

/** Observes `http2.connect(…).request(…)`. gRPC and other libraries over `node:http2` use nothing else. */
export function instrumentHttp2Client(deps: InstrumentDependencies): (sessionPrototype: object) => (() => void)[] {
  const begin = fence('HTTP/2 client request', (session: Session, headers: unknown) => {
    // What is neither is refused by Node.
    if (headers !== undefined && headers !== null && typeof headers !== 'object') return undefined;
    if (session[kOwn] === true || isOfUndici(session)) return undefined;
    session[kTarget] ??= targetOf(session);
    const carrier = new StreamHeaders(headers ?? undefined);
    const target: OutboundTarget = {
      ...session[kTarget],
      method: carrier.text(':method') ?? 'GET',
      path: carrier.text(':path') ?? '/',
    };
    const context = active();
    const exchange = beginExchange(deps, target, carrier);
    if (exchange !== undefined) exchange.rpc = rpcCall(carrier.text('content-type'), target.path);
    return exchange === undefined ? undefined : { exchange, context, headers: carrier.copy };
  });

  const note = fence('HTTP/2 client event', (stream: Stream, exchange: Exchange, event: unknown, detail: unknown) => {
    if (exchange.rpc !== undefined && (event === 'response' || event === 'trailers'))
      readStatus(exchange.rpc, detail as IncomingHttpHeaders);
    const isReset = stream.rstCode !== NO_ERROR || stream.aborted;
    if (event === 'response') exchange.statusCode = Number((detail as IncomingHttpHeaders)[':status']);
    else if (event === 'end' && !isReset && exchange.statusCode !== undefined) exchange.complete();
    else if (event === 'error') exchange.fail(reasonOf(detail));
    else if (event === 'close' && !isReset && exchange.statusCode !== undefined) exchange.complete();
    else if (event === 'close') exchange.abort();
  });

  /** Node 22 emits what arrives in the context of the session; as for HTTP/1, it is that of the request here. */
  function streamEmit(original: Method): Method {
    return function emit(this: Stream, ...args: unknown[]): unknown {
      const call = this[kCall];
      if (call === undefined) return Reflect.apply(original, this, args);
      note(this, call.exchange, args[0], args[1]);
      if (active() === call.context) return Reflect.apply(original, this, args);
      return applyIn(call.context, original, this, args);
    };
  }

  return (sessionPrototype) => {
    const undo: (() => void)[] = [];
    const patched = new WeakSet<object>();

    const follow = fence(
      'HTTP/2 client stream',
      (stream: Stream, exchange: Exchange, context: ObservationContext): void => {
        stream[kCall] = { exchange, context };
        const prototype = Object.getPrototypeOf(stream) as object;
        if (patched.has(prototype)) return;
        patched.add(prototype);
        const restore = patchMethod(prototype as Record<string, unknown>, 'emit', streamEmit);
        if (restore !== undefined) undo.push(restore);
      },
    );

    function requests(original: Method): Method {
      return function request(this: Session, ...args: unknown[]): unknown {
        const begun = begin(this, args[0]);
        if (begun === undefined) return Reflect.apply(original, this, args);
        let stream: Stream | undefined;
        try {
          stream = Reflect.apply(original, this, [begun.headers, ...args.slice(1)]) as Stream;
          return stream;
        } finally {
          // Not `catch`: the line that Node prints as the origin of an error stays its own.
          if (stream === undefined) begun.exchange.abort(this.destroyed ? 'ERR_HTTP2_INVALID_SESSION' : undefined);
          else follow(stream, begun.exchange, begun.context);
        }
      };
    }

    const restore = patchMethod(sessionPrototype as Record<string, unknown>, 'request', requests);
    if (restore !== undefined) undo.push(restore);
    return undo;
  };
}
