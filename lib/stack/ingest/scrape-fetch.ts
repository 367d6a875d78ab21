import { MAX_BODY_BYTES, type ScrapeTarget } from './scrape-job.ts';

/** A page as it came. */
export interface FetchedPage {
  readonly text: string;
  readonly format: 'text' | 'openmetrics';
}

/** Reads the page of a target. @throws Error saying why it cannot be had, in Prometheus's words where it has them */
export async function fetchExposition(target: ScrapeTarget, stop: AbortSignal): Promise<FetchedPage> {
  const { job, timeoutMillis } = target;
  const authorization = job.authorization();
  const response = await fetch(target.url, {
    signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMillis)]),
    headers: {
      accept: job.accept,
      'user-agent': 'sightline-stack',
      'x-prometheus-scrape-timeout-seconds': String(timeoutMillis / 1000),
      ...(authorization !== undefined && { authorization }),
    },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`server returned HTTP status ${response.status} ${response.statusText}`);
  }
  const format = formatOf(response.headers.get('content-type') ?? '') ?? job.fallback;
  if (format === undefined) {
    await response.body?.cancel();
    throw new Error(
      `received unsupported Content-Type ${JSON.stringify(response.headers.get('content-type') ?? '')} and no fallback_scrape_protocol specified for target`,
    );
  }
  const limit = Math.min(job.limits.bodyBytes, MAX_BODY_BYTES);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > limit) throw new Error('body size limit exceeded');
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString('utf8'), format };
}

function formatOf(contentType: string): FetchedPage['format'] | undefined {
  const [type] = contentType.toLowerCase().split(';');
  if (type!.trim() === 'application/openmetrics-text') return 'openmetrics';
  return type!.trim() === 'text/plain' ? 'text' : undefined;
}
