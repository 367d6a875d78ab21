import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** The body is larger than what is accepted. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** The body does not hold what its Content-Encoding says, or the encoding is not known. */
export class BodyMalformed extends Error {
  override readonly name = 'BodyMalformed';
}

/** Too many bytes of other bodies are being read right now. */
export class BodiesBusy extends Error {
  override readonly name = 'BodiesBusy';
}

/** Bytes of bodies in memory, over all requests of one stack. */
export class BodyBudget {
  readonly #limit: number;
  #taken = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws BodiesBusy */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#limit) throw new BodiesBusy('too many bodies are being read');
    this.#taken += bytes;
  }

  release(bytes: number): void {
    this.#taken -= bytes;
  }
}

/**
 * Reads and decompresses a body. The limit counts decompressed bytes, so that a small bomb does not fill the memory.
 *
 * @param limit bytes
 * @throws BodyTooLarge, BodyMalformed, BodiesBusy
 */
export async function readBody(request: IncomingMessage, limit: number, budget: BodyBudget): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw new BodyTooLarge(`got ${declared} bytes, wanted at most ${limit}`);
  const source = decompressed(request);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Not destroyed on a refusal: the answer goes out on the same socket.
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > limit) throw new BodyTooLarge(`got more than ${limit} bytes`);
      budget.take(chunk.length);
      bytes += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    if (source !== request) {
      request.unpipe();
      source.destroy();
    }
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code.startsWith('Z_') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR__ERROR'))
      throw new BodyMalformed(`Cannot ${request.headers['content-encoding']} decode the body`);
    throw error;
  } finally {
    budget.release(bytes);
  }
  return Buffer.concat(chunks, bytes);
}

function decompressed(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding']?.toLowerCase().trim() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return request;
  const decoder = decoderFor(encoding);
  // An aborted request ends the decoder too, else its reader waits for ever.
  request.on('error', (error) => decoder.destroy(error));
  request.on('close', () => {
    if (!request.complete) decoder.destroy(new Error('the request was aborted'));
  });
  return request.pipe(decoder);
}

function decoderFor(encoding: string): Duplex {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  if (encoding === 'br') return createBrotliDecompress();
  throw new BodyMalformed(
    `got content-encoding ${JSON.stringify(encoding.slice(0, 50))}, wanted gzip, deflate, br or none`,
  );
}
