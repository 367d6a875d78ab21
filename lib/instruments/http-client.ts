import { channel } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { fence } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { type Exchanging, kExchange } from './exchange-of.ts';
import { parseHost } from './http-names.ts';
import { beginExchange, type HeaderCarrier, type OutboundTarget } from './outbound.ts';
import { appendToHead, headHas, isRendered } from './rendered-head.ts';

type Own = { [kOwn]?: boolean };
type Outgoing = ClientRequest & Exchanging & Own & { res?: IncomingMessage & { upgrade?: boolean }; protocol: string };

/**
 * Headers of a request that is being made. An array of headers and `Expect: 100-continue` make Node render the head
 * inside the constructor, where `setHeader` throws from then on: there the lines join the rendered head.
 */
class RequestHeaders implements HeaderCarrier {
  private readonly request: ClientRequest;
  private readonly rendered: boolean;

  constructor(request: ClientRequest) {
    this.request = request;
    this.rendered = isRendered(request);
  }

  has(name: string): boolean {
    return this.rendered ? headHas(this.request, name) : this.request.hasHeader(name);
  }

  set(name: string, value: string): void {
    if (this.rendered) appendToHead(this.request, `${name}: ${value}\r\n`);
    else this.request.setHeader(name, value);
  }
}

function targetOf(request: Outgoing): OutboundTarget {
  const host = request.host.startsWith('[') ? request.host.slice(1, -1) : request.host;
  // The request does not keep its port; Node has written it into `Host`, unless the app gave that header another name.
  const header = isRendered(request) ? undefined : request.getHeader('host');
  const written = typeof header === 'string' ? parseHost(header) : undefined;
  const port = written !== undefined && written.host === host ? written.port : undefined;
  return {
    method: request.method,
    scheme: request.protocol === 'https:' ? 'https' : 'http',
    host,
    port,
    path: request.path,
  };
}

/** Last chance: destroyed without an error, upgraded, or closed while the app was still reading what is complete. */
const onClose = fence('close of a client request', (request: Outgoing) => {
  const exchange = request[kExchange];
  if (exchange === undefined) return;
  const response = request.res;
  if (response !== undefined && response !== null) exchange.statusCode = response.statusCode;
  if (response?.complete === true || response?.upgrade === true) exchange.complete();
  else exchange.abort();
  request[kExchange] = undefined;
});

function closeListener(this: Outgoing): void {
  onClose(this);
}

/** Observes outbound requests of `http` and `https`, however they are imported. Needs `patchIncomingMessage`. */
export function instrumentHttpClient(deps: InstrumentDependencies): { stop(): void } {
  const undo: (() => void)[] = [];

  function subscribe(name: string, body: (message: any) => void): void {
    const subscriber = fence(name, body);
    channel(name).subscribe(subscriber);
    undo.push(() => channel(name).unsubscribe(subscriber));
  }

  subscribe('http.client.request.created', ({ request }: { request: Outgoing }) => {
    if (request[kOwn] === true || (request as { agent?: Own }).agent?.[kOwn] === true) return;
    const exchange = beginExchange(deps, targetOf(request), new RequestHeaders(request));
    if (exchange === undefined) return;
    request[kExchange] = exchange;
    request.on('close', closeListener);
  });

  // Published when the head of the response is there, whatever its name says.
  subscribe(
    'http.client.response.finish',
    ({ request, response }: { request: Outgoing; response: IncomingMessage }) => {
      const exchange = request[kExchange];
      if (exchange === undefined) return;
      exchange.statusCode = response.statusCode;
      exchange.port ??= request.socket?.remotePort;
      (response as Exchanging)[kExchange] = exchange;
    },
  );

  subscribe('http.client.request.error', ({ request, error }: { request: Outgoing; error: unknown }) => {
    request[kExchange]?.fail(error);
  });

  return {
    stop() {
      for (const restore of undo.splice(0)) restore();
    },
  };
}
