import { connect } from 'node:net';

/** Longest that a server may take over one conversation, milliseconds; a test that comes here fails. */
const DEADLINE_MILLIS = 20_000;

export interface RawOptions {
  readonly port: number;
  /** Written one after the other; each as soon as the system has taken the one before. */
  readonly chunks: readonly (string | Buffer)[];
  /**
   * `open` (default): the server has to close; `half`: our side is ended after the last chunk, upon which Node ends its own as
   * well, answered or not.
   */
  readonly after?: 'half' | 'open';
}

/** What came back until the connection closed, byte by byte as latin1. */
export function converse({ port, chunks, after = 'open' }: RawOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of the conversation after ${DEADLINE_MILLIS} ms; so far:\n${answer.slice(0, 2000)}`));
    }, DEADLINE_MILLIS);
    socket.setEncoding('latin1');
    socket.on('connect', async () => {
      for (const chunk of chunks) {
        await new Promise((next) => {
          socket.write(chunk, next);
        });
      }
      if (after === 'half') socket.end();
    });
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => socket.end());
    // A server that refuses may close before it has read all that we write.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** The answer without what is ours (`x-correlation-id`, and `x-request-id` where it was asked with it) and without the date. */
export function withoutOurs(answer: string): string {
  return answer.replace(/^(?:x-correlation-id|x-request-id|date): .*\r\n/gim, '');
}

/** Values of a response header in all answers of a conversation. */
export function valuesOf(answer: string, name: string): string[] {
  return [...answer.matchAll(new RegExp(`^${name}: (.*)\\r$`, 'gim'))].map(([, value = '']) => value);
}
