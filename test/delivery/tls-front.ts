import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer } from 'node:tls';
import type { Identity } from './authority.ts';

export interface Front {
  readonly port: number;
  /** Connections whose handshake was complete for the front. */
  readonly accepted: () => number;
  readonly handshakes: () => number;
  /** Shows another certificate from now on. */
  show(identity: Identity): void;
}

/**
 * TLS before a server that does not speak it.
 * @param clientAuthority whose certificates clients must show; nobody must without
 */
export async function startFront(
  t: TestContext,
  options: { readonly to: number; readonly identity: Identity; readonly clientAuthority?: string | undefined },
): Promise<Front> {
  const pem = ({ certificate, key }: Identity) => ({
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ...(options.clientAuthority !== undefined && { ca: readFileSync(options.clientAuthority) }),
  });
  const sockets = new Set<Socket>();
  let accepted = 0;
  let handshakes = 0;
  const mutual = options.clientAuthority !== undefined;
  const server = createServer(
    { ...pem(options.identity), requestCert: mutual, rejectUnauthorized: mutual },
    (socket) => {
      accepted += 1;
      const behind = connect(options.to, '127.0.0.1');
      socket.pipe(behind).pipe(socket);
      for (const end of [socket, behind]) {
        end.on('error', () => {});
        end.on('close', () => {
          socket.destroy();
          behind.destroy();
        });
      }
    },
  );
  server.on('tlsClientError', () => {});
  server.on('connection', (socket) => {
    handshakes += 1;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    accepted: () => accepted,
    handshakes: () => handshakes,
    show: (identity) => server.setSecureContext(pem(identity)),
  };
}
