import { bulkBody, bulkUrl, isCleanBulkResponse, parseBulkResponse } from '../../codec/es-bulk.ts';
import { type LogDestination, shownAddress } from '../delivery-options.ts';
import { type Backend, type Verdict, verdictOfError, verdictOfStatus } from './backend.ts';
import { HttpPost } from './http-post.ts';
import type { Parcel } from './parcel.ts';

/** Elasticsearch `_bulk` into one data stream, each document under an `_id` of its own: stored once, however often it is sent. */
export function createElasticsearchBackend(options: LogDestination & { readonly timeoutMillis: number }): Backend {
  const url = bulkUrl(options.url, options.stream);
  const authorization = authorizationOf(options, url);
  url.username = '';
  url.password = '';
  const post = new HttpPost({
    url,
    headers: {
      'content-type': 'application/x-ndjson',
      accept: 'application/json',
      ...options.headers,
      ...(authorization !== undefined && { authorization }),
    },
    caFile: options.caFile,
    timeoutMillis: options.timeoutMillis,
  });
  return {
    address: shownAddress(options.url),
    async send(parcel: Parcel): Promise<Verdict> {
      try {
        const answer = await post.post(bulkBody(parcel));
        const verdict = verdictOfStatus(answer);
        if (verdict !== undefined) return verdict;
        if (isCleanBulkResponse(answer.body, parcel.length)) return { kind: 'delivered' };
        const outcomes = parseBulkResponse(answer.body, parcel.length);
        if (outcomes !== undefined) return { kind: 'items', outcomes };
        return {
          kind: 'failed',
          reason: `HTTP ${answer.status} with something that is no _bulk answer`,
          retryAfterMillis: undefined,
        };
      } catch (error) {
        return verdictOfError(error);
      }
    },
    close: () => post.close(),
  };
}

/** The header that credentials make: the API key wins, then user name and password of the options, then those in the address. */
export function authorizationOf(
  options: Pick<LogDestination, 'apiKey' | 'username' | 'password'>,
  url: URL,
): string | undefined {
  if (options.apiKey !== undefined) return `ApiKey ${options.apiKey}`;
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
