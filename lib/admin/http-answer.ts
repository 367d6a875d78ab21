import type { IncomingMessage } from 'node:http';

/** Longest request body: a log level and a name. */
export const MAX_BODY_BYTES = 4096;

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function text(status: number, body: string, headers?: Readonly<Record<string, string>>): Answer {
  return {
    status,
    contentType: 'text/plain; charset=utf-8',
    body: `${body}\n`,
    ...(headers === undefined ? {} : { headers }),
  };
}

export function json(status: number, body: unknown, contentType = 'application/json'): Answer {
  return { status, contentType, body: `${JSON.stringify(body, undefined, 2)}\n` };
}

/** The body as text; undefined when it is longer than `MAX_BODY_BYTES`. Rejects when the client goes away. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
