import { createPrometheusApi } from '../../../lib/stack/api/prometheus-api.ts';
import { Listener, newBodyBudget } from '../../../lib/stack/http/listener.ts';
import { Scraper } from '../../../lib/stack/ingest/scraper.ts';
import { SqliteStore } from '../../../lib/stack/store/sqlite-store.ts';
import type { Sample } from '../../../lib/stack/store/store.ts';

/** Samples of one append. */
const BATCH = 5000;

/** The Prometheus API of the local stack alone, over samples of its own. */
export async function startQueryServer(
  samples: readonly Sample[],
  options: { readonly now?: () => number } = {},
): Promise<{ readonly url: string; readonly bugs: unknown[]; [Symbol.asyncDispose](): Promise<void> }> {
  const store = await SqliteStore.open({ path: undefined, maxAgeMillis: 86_400_000, maxBytes: 512 * 1024 ** 2 });
  for (let at = 0; at < samples.length; at += BATCH)
    await store.appendMetrics({ families: [], samples: samples.slice(at, at + BATCH) });
  const scraper = new Scraper({ store, discover: () => ({ active: [], dropped: [] }) });
  const bugs: unknown[] = [];
  const api = createPrometheusApi({ store, scraper, ...options });
  const listener = new Listener({
    mounts: [{ prefix: '', api }],
    ownNames: [],
    budget: newBodyBudget(),
    onBug: (error) => bugs.push(error),
  });
  const { port } = await listener.listen(0, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}`,
    bugs,
    [Symbol.asyncDispose]: async () => {
      await listener.close();
      await scraper.close();
      await store.close();
    },
  };
}
