import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readTlsFiles, type TlsFiles } from '../delivery/tls-files.ts';

/** How long one answer may take, milliseconds: as long as delivery gives it. */
const ANSWER_MILLIS = 10_000;
/** Bytes of an answer that are looked at. */
const MAX_ANSWER_BYTES = 1024 ** 2;

export interface Question {
  readonly url: URL;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly files?: TlsFiles | undefined;
}

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Clock of the other side minus ours, seconds; undefined when it did not tell, or took too long for it to say anything. */
  readonly skewSeconds: number | undefined;
}

/** One request; redirects are not followed. @throws the error of the connection */
export function ask({ url, method = 'GET', headers = {}, body, files }: Question): Promise<Response> {
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const secure = url.protocol === 'https:';
    const plain = new URL(url);
    plain.username = '';
    plain.password = '';
    const tls = files === undefined ? {} : readTlsFiles(files);
    const request = (secure ? httpsRequest : httpRequest)(
      plain,
      { method, headers, agent: false, timeout: ANSWER_MILLIS, ...(secure && tls) },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length <= MAX_ANSWER_BYTES) chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
            skewSeconds: skewOf(response.headers.date, started, Date.now()),
          }),
        );
      },
    );
    request.on('timeout', () => request.destroy(timeout()));
    request.on('error', reject);
    request.end(body);
  });
}

/** RFC 9110 §6.6.1: whole seconds, so what is within a second and the way is nothing. */
export function skewOf(date: string | undefined, startedMillis: number, endedMillis: number): number | undefined {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return undefined;
  if (theirs + 1000 < startedMillis) return (theirs + 1000 - startedMillis) / 1000;
  return theirs > endedMillis ? (theirs - endedMillis) / 1000 : 0;
}

/** Opens a connection and closes it. @throws its error */
export function reach(url: URL, files: TlsFiles): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname, protocol } = url;
    const place =
      protocol === 'unix:' ? { path: pathname } : { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
    const tls = protocol === 'tls:' ? readTlsFiles(files) : {};
    const socket =
      protocol === 'tls:'
        ? connectTls({ ...place, ...tls, servername: hostname }, () => socket.end())
        : connectTcp(place as { host: string; port: number }, () => socket.end());
    socket.setTimeout(ANSWER_MILLIS, () => socket.destroy(timeout()));
    socket.on('error', reject);
    socket.on('close', (failed) => {
      if (!failed) resolve();
    });
    socket.resume();
  });
}

function timeout(): Error {
  return Object.assign(new Error(`no answer within ${ANSWER_MILLIS / 1000} s`), { code: 'ETIMEDOUT' });
}
