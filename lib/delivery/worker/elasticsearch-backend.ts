import { bulkBody, bulkUrl, isCleanBulkResponse, parseBulkResponse } from '../../codec/es-bulk.ts';
import { type LogDestination, shownAddress } from '../delivery-options.ts';
import { TLS_VARIABLES } from '../tls-files.ts';
import { type Backend, type Verdict, verdictOfError, verdictOfStatus } from './backend.ts';
import { Credentials } from './credentials.ts';
import { HttpPost } from './http-post.ts';
import type { Parcel } from './parcel.ts';

/** Elasticsearch `_bulk` into one data stream, each document under an `_id` of its own: stored once, however often it is sent. */
export function createElasticsearchBackend(options: LogDestination & { readonly timeoutMillis: number }): Backend {
  const url = bulkUrl(options.url, options.stream);
  const credentials = elasticsearchCredentials(options, url);
  const post = new HttpPost({
    url,
    headers: { 'content-type': 'application/x-ndjson', accept: 'application/json' },
    credentials,
    files: options,
    variables: TLS_VARIABLES.elasticsearch,
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

/** The API key wins, then user name and password of the options, then those in the address. */
export function elasticsearchCredentials(options: Omit<LogDestination, 'url' | 'stream'>, url: URL): Credentials {
  const { headers, apiKey, apiKeyFile, username, password, passwordFile } = options;
  return new Credentials({
    url,
    headers,
    apiKey,
    apiKeyFile,
    username,
    password,
    passwordFile,
    variables: { apiKey: 'SIGHTLINE_ELASTICSEARCH_API_KEY_FILE', password: 'SIGHTLINE_ELASTICSEARCH_PASSWORD_FILE' },
  });
}
