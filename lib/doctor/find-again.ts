import type { TlsFiles } from '../delivery/tls-files.ts';
import { ask } from './ask.ts';
import type { Destination } from './destinations.ts';
import { explainError, explainStatus } from './explain.ts';

/** How long a record may take to be found after it was acknowledged, milliseconds: an index that nobody searches is refreshed late. */
const FIND_MILLIS = 15_000;
const PAUSE_MILLIS = 250;

export interface Sought {
  readonly correlationId: string;
  readonly traceId: string;
  /** How many records were acknowledged: all of them are waited for. */
  readonly wanted: number;
}

/** `found`, how many; or why not. `silent`: this protocol has no questions. */
export type Found =
  | { readonly kind: 'found'; readonly count: number }
  | { readonly kind: 'missing'; readonly text: string; readonly fix: string }
  | { readonly kind: 'silent' };

/** Looks for the probe in the backend that has acknowledged it. */
export async function findAgain(destination: Destination, sought: Sought): Promise<Found> {
  const question = questionOf(destination, sought);
  if (question === undefined) return { kind: 'silent' };
  const end = performance.now() + FIND_MILLIS;
  let best = 0;
  for (;;) {
    let text = 'it has acknowledged the probe and does not find it';
    let fix =
      'give it more time, then look for the ID by hand; see whether an ingest pipeline or sampling there drops it';
    try {
      const answer = await ask({ ...question, headers: { ...destination.headers, ...question.headers } });
      const wrong = explainStatus({ status: answer.status, body: answer.body }, destination);
      const count = wrong === undefined ? question.count(answer.body) : 0;
      best = Math.max(best, count);
      if (best >= sought.wanted) return { kind: 'found', count: best };
      if (best > 0) text = `it has acknowledged ${sought.wanted} and finds ${best}`;
      if (answer.status === 401 || answer.status === 403)
        return {
          kind: 'missing',
          text: `it may not be searched with these credentials (HTTP ${answer.status})`,
          fix: '',
        };
      // A stream that is not there yet is no error of Elasticsearch here, and a trace that Zipkin has not got yet is.
      const noSearch = answer.status === 405 || (answer.status === 404 && destination.kind === 'elasticsearch');
      if (noSearch) return { kind: 'missing', text: `it cannot be searched (HTTP ${answer.status})`, fix: '' };
      if (wrong !== undefined && answer.status !== 404) ({ text, fix } = wrong);
    } catch (error) {
      ({ text, fix } = explainError(error, destination));
    }
    if (performance.now() > end) return { kind: 'missing', text, fix };
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
  }
}

interface SearchQuestion {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly files: TlsFiles;
  count(body: string): number;
}

function questionOf(destination: Destination, sought: Sought): SearchQuestion | undefined {
  const url = new URL(destination.url);
  const files = destination;
  if (destination.kind === 'elasticsearch') {
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${encodeURIComponent(destination.stream ?? '')}/_search`;
    url.searchParams.set('ignore_unavailable', 'true');
    return {
      url,
      files,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ size: 10, query: { match: { 'correlation.id': sought.correlationId } } }),
      count: (body) => (JSON.parse(body) as { hits?: { hits?: unknown[] } }).hits?.hits?.length ?? 0,
    };
  }
  if (destination.kind === 'zipkin') {
    url.pathname = url.pathname.replace(/\/spans\/?$/, `/trace/${sought.traceId}`);
    return { url, files, method: 'GET', count: (body) => (JSON.parse(body) as unknown[]).length };
  }
  return undefined;
}
