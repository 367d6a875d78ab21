import type { RequestScope } from '../context/request-scope.ts';
import { instrumentConnect } from './connect.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { instrumentExpress } from './express.ts';
import { instrumentFastify } from './fastify.ts';
import { instrumentHapi } from './hapi.ts';
import { instrumentHttpClient } from './http-client.ts';
import { instrumentHttpServer } from './http-server.ts';
import { instrumentHttp2 } from './http2.ts';
import { patchIncomingMessage } from './incoming-message.ts';
import { instrumentKoa } from './koa.ts';
import { instrumentMicro } from './micro.ts';
import { instrumentNest } from './nest.ts';
import { instrumentPolka } from './polka.ts';
import { instrumentRestify } from './restify.ts';
import { watchServers } from './servers.ts';
import { instrumentUndici } from './undici.ts';

/** What bootstrap holds of the running instruments. */
export interface Instruments {
  /** Takes everything back that can be; requests in flight stay as they are. */
  stop(): void;
  /** Open connections of the app's listening HTTP servers. */
  connections(): number;
  /** Calls back once: at the first listen of a server that is not ours, or at once when that has been. */
  onListen(callback: () => void): void;
  /** Ends a request that its process does not survive: errored span, metrics, lines. */
  failRequest(scope: RequestScope, error: unknown): void;
  /** Ends every open request as aborted, just before the process goes. */
  abortOpenRequests(): void;
}

/**
 * Starts what is enabled (`deps.options.enabled(name)`): `http` (server and client, HTTP/2 too), `undici`, `express`, `fastify`,
 * `koa`, `hapi`, `restify`, `connect`, `polka`, `micro`, `nestjs-core`. Servers are watched in any case, since the admin port waits for the first one.
 */
export function startInstruments(deps: InstrumentDependencies): Instruments {
  const enabled = deps.options.enabled;
  const servers = watchServers();
  const running: { stop(): void }[] = [servers];
  let failRequest: Instruments['failRequest'] = () => {};
  let abortOpenRequests: Instruments['abortOpenRequests'] = () => {};
  if (enabled('http')) {
    running.push({ stop: patchIncomingMessage() });
    const server = instrumentHttpServer(deps, servers);
    running.push(server, instrumentHttpClient(deps), instrumentHttp2(deps, servers));
    failRequest = server.fail;
    abortOpenRequests = server.abortOpen;
  }
  if (enabled('undici')) running.push(instrumentUndici(deps));
  if (enabled('express')) running.push(instrumentExpress());
  if (enabled('fastify')) running.push(instrumentFastify());
  if (enabled('koa')) running.push(instrumentKoa());
  if (enabled('hapi')) running.push(instrumentHapi());
  if (enabled('restify')) running.push(instrumentRestify());
  if (enabled('connect')) running.push(instrumentConnect());
  if (enabled('polka')) running.push(instrumentPolka());
  if (enabled('micro')) running.push(instrumentMicro());
  if (enabled('nestjs-core')) running.push(instrumentNest());
  return {
    stop() {
      for (const instrument of running.splice(0).reverse()) instrument.stop();
    },
    connections: servers.connections,
    onListen: servers.onListen,
    failRequest,
    abortOpenRequests,
  };
}
