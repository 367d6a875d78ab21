import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { TlsFiles, TlsVariables } from '../tls-files.ts';
import { tlsTrouble } from '../tls-trouble.ts';
import type { Credentials } from './credentials.ts';
import { SecureFiles } from './secure-files.ts';

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
  readonly credentials: Credentials;
  readonly files: TlsFiles;
  readonly variables: TlsVariables;
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
  private readonly secure: SecureFiles | undefined;
  private agent: HttpAgent | HttpsAgent | undefined;
  /** What the connections of `agent` are made with. */
  private context: SecureContext | undefined;
  private readonly aborts = new Set<AbortController>();

  constructor(options: PostOptions) {
    this.options = options;
    this.gzip = options.compress ?? !isLoopback(options.url.hostname);
    if (options.url.protocol === 'https:') this.secure = new SecureFiles(options.files, options.variables);
  }

  /**
   * @returns the answer, whatever its status; redirects are not followed
   * @throws the error of the connection, or a sentence about certificates or a file that cannot be used; an error that
   * says so after the time limit
   */
  async post(body: Buffer): Promise<Answer> {
    const controller = new AbortController();
    this.aborts.add(controller);
    const timer = setTimeout(
      () => controller.abort(new Error(`no answer within ${this.options.timeoutMillis} ms`)),
      this.options.timeoutMillis,
    );
    try {
      const answer = await this.exchange(body, controller.signal);
      return answer.status >= 200 && answer.status < 300 ? answer : this.refusal(answer);
    } catch (error) {
      throw this.explained(error);
    } finally {
      clearTimeout(timer);
      this.aborts.delete(controller);
    }
  }

  private refusal(answer: Answer): Answer {
    const { credentials } = this.options;
    if (answer.status === 401 || answer.status === 403) credentials.refused();
    return { ...answer, body: credentials.conceal(answer.body) };
  }

  private explained(error: unknown): unknown {
    const { url, variables } = this.options;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) return error;
    const place = `${url.hostname}:${url.port || '443'}`;
    const trouble = tlsTrouble(code, { place, variables, told: code });
    if (trouble !== undefined) return new Error(`${trouble.text}; ${trouble.fix}`, { cause: error });
    // Many servers take the whole handshake before they look at the certificate, and then just close.
    if (this.secure !== undefined && (code === 'ECONNRESET' || code === 'EPIPE'))
      return new Error(
        `${place} closed the connection without an answer (${message}); see whether it wants another client certificate, in ${variables.certificate}`,
        { cause: error },
      );
    return error;
  }

  private exchange(body: Buffer, signal: AbortSignal): Promise<Answer> {
    const { url, credentials } = this.options;
    const headers = { ...this.options.headers, ...credentials.headers() };
    const compressed = this.gzip && body.length >= MIN_GZIP_BYTES;
    const sent = compressed ? gzipSync(body, { level: 1 }) : body;
    const secure = this.secure !== undefined;
    const agent = this.currentAgent();
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

  /** Looks at the certificate files each time: what is missing or wrong now may be there at the next attempt. */
  private currentAgent(): HttpAgent | HttpsAgent {
    const context = this.secure?.current();
    if (this.agent !== undefined && context === this.context) return this.agent;
    if (this.agent !== undefined) retire(this.agent);
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.context = context;
    this.agent =
      this.secure === undefined
        ? new HttpAgent(options)
        : new HttpsAgent({ ...options, ...(context !== undefined && { secureContext: context }) });
    return this.agent;
  }

  /** Ends what is under way and closes the connections. */
  close(): void {
    for (const controller of this.aborts) controller.abort(new Error('delivery ends'));
    this.agent?.destroy();
    this.agent = undefined;
  }
}

/** Closes what is idle; a request that is under way ends first. */
function retire(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
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
