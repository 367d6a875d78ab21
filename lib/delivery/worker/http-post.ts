import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { gzipSync } from 'node:zlib';

/** Bytes of an answer that are read at most; a `_bulk` answer to 1 MiB of small documents is below. */
const MAX_ANSWER_BYTES = 8 * 1024 ** 2;
/** Connections to one backend; more would only queue there. */
const MAX_SOCKETS = 4;
/** Bodies below are not worth compressing. */
const MIN_GZIP_BYTES = 1024;
/** Seconds of `Retry-After` that are honoured at most. */
const MAX_RETRY_AFTER_SECONDS = 300;

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** What `Retry-After` asks for, milliseconds; undefined without. */
  readonly retryAfterMillis: number | undefined;
  readonly body: string;
  /** The body as it came. */
  readonly bytes: Buffer;
}

export interface PostOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly caFile?: string | undefined;
  readonly timeoutMillis: number;
  /** Default `POST`. */
  readonly method?: 'POST' | 'PUT';
  /** false: never; default: unless the address is of this machine. */
  readonly compress?: boolean;
}

/** One address that is posted to over connections that stay open. */
export class HttpPost {
  private readonly options: PostOptions;
  private readonly gzip: boolean;
  private agent: HttpAgent | HttpsAgent | undefined;
  private readonly aborts = new Set<AbortController>();

  constructor(options: PostOptions) {
    this.options = options;
    this.gzip = options.compress ?? !isLoopback(options.url.hostname);
  }

  /**
   * @returns the answer, whatever its status; redirects are not followed
   * @throws the error of the connection; an `AbortError` after the time limit
   */
  async post(body: Buffer): Promise<Answer> {
    const controller = new AbortController();
    this.aborts.add(controller);
    const timer = setTimeout(
      () => controller.abort(new Error(`no answer within ${this.options.timeoutMillis} ms`)),
      this.options.timeoutMillis,
    );
    try {
      return await this.exchange(body, controller.signal);
    } finally {
      clearTimeout(timer);
      this.aborts.delete(controller);
    }
  }

  private exchange(body: Buffer, signal: AbortSignal): Promise<Answer> {
    const { url, headers } = this.options;
    const compressed = this.gzip && body.length >= MIN_GZIP_BYTES;
    const sent = compressed ? gzipSync(body, { level: 1 }) : body;
    const secure = url.protocol === 'https:';
    // Made late: a certificate file that is missing now may be there at the next attempt.
    this.agent ??= secure
      ? new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ...this.authorities() })
      : new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
    const { agent } = this;
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method: this.options.method ?? 'POST',
        agent,
        headers: {
          ...headers,
          'content-length': sent.length,
          ...(compressed && { 'content-encoding': 'gzip' }),
        },
      });
      const abort = (): void => {
        request.destroy(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_ANSWER_BYTES) request.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        // Without `end` the answer was cut off.
        response.on('close', () =>
          reject(
            signal.aborted
              ? (signal.reason as Error)
              : new Error('the connection was closed before the answer was complete'),
          ),
        );
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            retryAfterMillis: retryAfterMillis(response.headers['retry-after']),
            body: bytes.toString(),
            bytes,
          });
        });
      });
      request.end(sent);
    });
  }

  private authorities(): { ca?: string } {
    return this.options.caFile === undefined ? {} : { ca: readFileSync(this.options.caFile, 'utf8') };
  }

  /** Ends what is under way and closes the connections. */
  close(): void {
    for (const controller of this.aborts) controller.abort(new Error('delivery ends'));
    this.agent?.destroy();
    this.agent = undefined;
  }
}

/** RFC 9110 §10.2.3: seconds or a date. */
export function retryAfterMillis(value: string | undefined, nowMillis: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - nowMillis) / 1000;
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000;
}

export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}
