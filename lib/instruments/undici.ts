import { channel } from 'node:diagnostics_channel';
import { fence } from '../core/fence.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { beginExchange, type Exchange, type HeaderCarrier, type OutboundTarget } from './outbound.ts';

/** What all versions of undici (5 and up, and the one inside Node) publish. */
interface UndiciRequest {
  readonly origin: string | URL;
  readonly path: string;
  readonly method: string;
  /** A flat list since 6, the text of the header lines in 5. */
  readonly headers: readonly unknown[] | string;
  addHeader(name: string, value: string): unknown;
}

class UndiciHeaders implements HeaderCarrier {
  private readonly request: UndiciRequest;
  /** Lower-case names of what the app has set, each between line ends. */
  private readonly present: string;

  constructor(request: UndiciRequest) {
    this.request = request;
    const { headers } = request;
    if (typeof headers === 'string') {
      this.present = `\n${headers.toLowerCase().replace(/[ \t]*:[^\n]*/g, '')}\n`.replaceAll('\r', '');
      return;
    }
    let present = '\n';
    for (let index = 0; index < headers.length; index += 2) present += `${String(headers[index]).toLowerCase()}\n`;
    this.present = present;
  }

  has(name: string): boolean {
    return this.present.includes(`\n${name}\n`);
  }

  set(name: string, value: string): void {
    this.request.addHeader(name, value);
  }
}

function targetOf(request: UndiciRequest): OutboundTarget | undefined {
  let url: URL;
  try {
    url = new URL(request.origin);
  } catch {
    return undefined;
  }
  const { hostname, port, protocol } = url;
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return {
    method: request.method,
    scheme,
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? undefined : Number(port),
    // A mock or a proxy may be given the whole URL as path.
    path: request.path.startsWith('/') ? request.path : `/${request.path}`,
  };
}

/** Observes `fetch` and every copy of undici in the process: they publish on the same channels. */
export function instrumentUndici(deps: InstrumentDependencies): { stop(): void } {
  const exchanges = new WeakMap<object, Exchange>();
  const undo: (() => void)[] = [];

  function subscribe(name: string, body: (message: any) => void): void {
    const subscriber = fence(name, body);
    channel(name).subscribe(subscriber);
    undo.push(() => channel(name).unsubscribe(subscriber));
  }

  subscribe('undici:request:create', ({ request }: { request: UndiciRequest }) => {
    const target = targetOf(request);
    if (target === undefined) return;
    const exchange = beginExchange(deps, target, new UndiciHeaders(request));
    if (exchange !== undefined) exchanges.set(request, exchange);
  });

  subscribe(
    'undici:request:headers',
    ({ request, response }: { request: object; response: { statusCode: number } }) => {
      const exchange = exchanges.get(request);
      if (exchange !== undefined) exchange.statusCode = response.statusCode;
    },
  );

  subscribe('undici:request:trailers', ({ request }: { request: object }) => {
    exchanges.get(request)?.complete();
  });

  subscribe('undici:request:error', ({ request, error }: { request: object; error: unknown }) => {
    exchanges.get(request)?.fail(error);
  });

  return {
    stop() {
      for (const restore of undo.splice(0)) restore();
    },
  };
}
