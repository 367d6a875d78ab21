import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** As it is, and compressed as we do it over a network (gzip, level 1). */
export interface Bytes {
  readonly raw: number;
  readonly gzip: number;
}

export const NO_BYTES: Bytes = { raw: 0, gzip: 0 };

export function bytesOf(body: Buffer | string): Bytes {
  return { raw: Buffer.byteLength(body), gzip: gzipSync(body, { level: 1 }).length };
}

export interface CountingProxy {
  readonly url: string;
  /** Bodies that were taken, by path. */
  readonly taken: ReadonlyMap<string, Bytes>;
  close(): void;
}

/** Hands requests on, and counts the bodies of those that are answered with success. */
export async function startCountingProxy(backend: string): Promise<CountingProxy> {
  const taken = new Map<string, Bytes>();

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const target = incoming.url ?? '/';
    const path = target.replace(/\?.*$/, '');
    const { method, headers } = incoming;
    const onward = request(backend + target, { method, headers, agent: false }, (answer) => {
      if ((answer.statusCode ?? 500) < 300 && body.length > 0) {
        const before = taken.get(path) ?? NO_BYTES;
        const { raw, gzip } = bytesOf(body);
        taken.set(path, { raw: before.raw + raw, gzip: before.gzip + gzip });
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(body);
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    taken,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
