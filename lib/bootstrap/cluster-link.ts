import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { runOutside } from '../context/context.ts';
import { fence } from '../core/fence.ts';
import { kOwn } from '../core/symbols.ts';
import { packNumber } from '../metrics/aggregate-wire.ts';

/** Longest message, characters: all series of a process with room to spare. Who sends more is cut off. */
const MAX_MESSAGE = 64 * 1024 ** 2;
/** What may wait to be sent, bytes: the other end is blocked, and old values help nobody. */
const MAX_BACKLOG = 8 * 1024 ** 2;

/** One message: a JSON object on a line of its own. */
export type ClusterMessage = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface ClusterLink {
  /** @returns false when the message was left out, because the other end does not read */
  send(message: ClusterMessage): boolean;
  close(): void;
}

export interface LinkHandlers {
  onMessage(message: ClusterMessage, link: ClusterLink): void;
  /** Once, whatever ended it. */
  onClose(link: ClusterLink): void;
}

function parse(line: string): ClusterMessage | undefined {
  try {
    const message = JSON.parse(line) as ClusterMessage;
    return typeof message === 'object' && message !== null && typeof message.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Messages over a connection of ours. It never holds the process, and nothing that comes over it can throw. */
export function createLink(socket: Socket, handlers: LinkHandlers): ClusterLink {
  Object.defineProperty(socket, kOwn, { value: true });
  socket.unref();
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let length = 0;
  const link: ClusterLink = {
    send(message) {
      if (socket.destroyed || !socket.writable || socket.writableLength > MAX_BACKLOG) return false;
      runOutside(() => socket.write(`${JSON.stringify(message, packNumber)}\n`));
      return true;
    },
    close: () => socket.destroy(),
  };
  const take = fence('cluster message', (chunk: Buffer) => {
    const lines = decoder.write(chunk).split('\n');
    for (const [index, piece] of lines.entries()) {
      length += piece.length;
      if (length > MAX_MESSAGE) {
        socket.destroy();
        return;
      }
      parts.push(piece);
      if (index === lines.length - 1) return;
      const message = parse(parts.join(''));
      parts = [];
      length = 0;
      if (message !== undefined) handlers.onMessage(message, link);
    }
  });
  socket.on('data', take);
  // What went wrong is followed by 'close', which is what matters.
  socket.on('error', () => {});
  socket.once(
    'close',
    fence('cluster connection', () => handlers.onClose(link)),
  );
  return link;
}
