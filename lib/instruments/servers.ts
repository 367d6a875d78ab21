import { channel } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { fence } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';

/** A server of the app as Node has it; `_connections` is what `getConnections` counts, without the callback. */
export type ObservedServer = Server & { [kOwn]?: boolean; _connections?: number };

export interface ServerWatch {
  stop(): void;
  connections(): number;
  onListen(callback: () => void): void;
  /** Also for servers that never listen and are given their connections. */
  add(server: ObservedServer): void;
  /** Calls back for each HTTP server when it first listens or serves. */
  onServer(callback: (server: ObservedServer) => void): void;
}

/**
 * A server of `http`, `https` or `http2`, told by what these have and no other server does: importing `https` would load
 * TLS.
 */
function isHttpServer(server: { closeIdleConnections?: unknown; updateSettings?: unknown }): boolean {
  return typeof server.closeIdleConnections === 'function' || typeof server.updateSettings === 'function';
}

/** Keeps the HTTP servers of the app (not our own ones) as long as they listen. */
export function watchServers(): ServerWatch {
  const servers = new Set<ObservedServer>();
  const waiting: (() => void)[] = [];
  const announced: ((server: ObservedServer) => void)[] = [];
  let hasListened = false;

  function add(server: ObservedServer): void {
    if (servers.has(server)) return;
    prune();
    servers.add(server);
    for (const callback of announced) callback(server);
  }

  /** What has closed is forgotten: a test suite opens thousands. */
  function prune(): void {
    for (const server of servers) if (!server.listening && (server._connections ?? 0) === 0) servers.delete(server);
  }

  const onListening = fence('listening server', (message: unknown) => {
    const { server } = message as { server: ObservedServer };
    if (server[kOwn] === true) return;
    if (isHttpServer(server)) add(server);
    hasListened = true;
    for (const callback of waiting.splice(0)) callback();
  });
  const listening = channel('tracing:net.server.listen:asyncEnd');
  listening.subscribe(onListening);

  return {
    add,
    stop() {
      listening.unsubscribe(onListening);
      servers.clear();
    },
    connections() {
      prune();
      let count = 0;
      for (const server of servers) count += server._connections ?? 0;
      return count;
    },
    onListen(callback) {
      if (hasListened) callback();
      else waiting.push(callback);
    },
    onServer(callback) {
      announced.push(callback);
    },
  };
}
