import { fence } from '../core/fence.ts';
import type { InstrumentDependencies } from './dependencies.ts';
import { instrumentHttp2Client } from './http2-client.ts';
import { onHttp2Loaded, sessionPrototypes } from './http2-loading.ts';
import { instrumentHttp2Server } from './http2-server.ts';
import type { ServerWatch } from './servers.ts';

/** Observes `node:http2`, both sides, from the moment on at which the app loads it. */
export function instrumentHttp2(deps: InstrumentDependencies, servers: ServerWatch): { stop(): void } {
  const observeServers = instrumentHttp2Server(deps, servers);
  const observeClients = instrumentHttp2Client(deps);
  const undo: (() => void)[] = [];
  const stopWatch = onHttp2Loaded(
    fence('http2', (http2) => {
      const prototypes = sessionPrototypes(http2);
      undo.push(...[observeServers(http2, prototypes.server), observeClients(prototypes.client)].flat());
    }),
  );
  return {
    stop() {
      stopWatch();
      for (const restore of undo.splice(0)) restore();
    },
  };
}
