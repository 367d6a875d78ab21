import { subscribe } from 'node:diagnostics_channel';
import type { Agent, ClientRequest } from 'node:http';
import type { AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { active, isTracingSuppressed } from '../../context/context.ts';
import { fence } from '../../core/fence.ts';

/** The stock client has five bodies under way at once; a few more for what comes between. */
const MAX_SOCKETS = 8;

/** What the stock Elasticsearch client says when it asks for an agent. */
export interface AgentRequest {
  readonly url: URL;
  readonly tls?: AgentOptions | null;
}

/**
 * An agent whose sockets never hold the process: an app whose loop runs empty ends, and the drain at its end waits as
 * long as it may.
 */
export function unheldAgent({ url, tls }: AgentRequest): Agent {
  const options: AgentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const agent: Agent =
    url.protocol === 'https:'
      ? new (process.getBuiltinModule('node:https').Agent)({ ...options, ...tls })
      : new (process.getBuiltinModule('node:http').Agent)(options);
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (connectOptions, callback) => {
    const socket = createConnection(connectOptions, callback) as (Duplex & { unref?(): void }) | undefined;
    socket?.unref?.();
    return socket;
  };
  const reuseSocket = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket, request) => {
    // It holds the process again: that is what Node's own agent does with a socket that is used again.
    reuseSocket(socket, request);
    (socket as Duplex & { unref?(): void }).unref?.();
  };
  return agent;
}

/** The same for the stock Zipkin exporter, which takes Node's global agent and no other. */
export function unholdRequestsTo(url: string): void {
  const { host } = new URL(url);
  subscribe(
    'http.client.request.created',
    fence('stock Zipkin exporter', (message: unknown) => {
      if (!isTracingSuppressed(active())) return;
      const { request } = message as { request: ClientRequest };
      const port = host.includes(':') ? '' : `:${request.protocol === 'https:' ? 443 : 80}`;
      const target = request.getHeader('host');
      if (target !== host && target !== `${host}${port}`) return;
      request.once('socket', (socket) => socket.unref());
    }),
  );
}
