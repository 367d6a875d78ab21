import { type BackendApi, type Exchange, type Refusal, type Reply, textReply } from '../http/exchange.ts';
import { ExpositionMalformed, parseExposition, stampSamples } from '../ingest/exposition-parser.ts';
import { withTargetLabels } from '../ingest/scrape-sample.ts';
import type { Labels, Sample, Store } from '../store/store.ts';

/** Bytes of one page, decompressed. */
const MAX_BODY_BYTES = 32 * 1024 ** 2;
/** Labels in a path. */
const MAX_GROUPING_LABELS = 20;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

class BadPath extends Error {}

/**
 * Taking pages as a Pushgateway does: `PUT` and `POST` of `/metrics/job/<job>{/<label>/<value>}`. The labels of the path
 * win. A page is kept once, at the time of its push; nobody has to scrape it, and nothing has to be deleted.
 * Source: github.com/prometheus/pushgateway, "API".
 */
export function createPushgatewayApi(options: { store: Store; now?: () => number }): BackendApi {
  const { store, now = Date.now } = options;

  async function push(exchange: Exchange): Promise<Reply> {
    const group = groupOf(exchange.path);
    const text = (await exchange.body(MAX_BODY_BYTES)).toString('utf8');
    const type = exchange.headers['content-type'] ?? '';
    if (/protobuf/i.test(type))
      return textReply(415, 'got protobuf, wanted text/plain: the local stack reads the text formats\n');
    const format = /^application\/openmetrics-text/i.test(type) ? 'openmetrics' : 'text';
    const { families, samples } = parseExposition(text, format);
    if (samples.some(({ timestamp }) => timestamp !== undefined))
      return textReply(400, 'pushed metrics must not have timestamps\n');
    if (new Set(samples.map(({ labels }) => JSON.stringify(labels))).size < samples.length)
      return textReply(400, 'a series was pushed twice with the same name and label values\n');
    const at = now();
    const taken = stampSamples(samples, at, (labels) => overridden(labels, group));
    const pushed: Sample = { labels: { __name__: 'push_time_seconds', ...group }, value: at / 1000, timestamp: at };
    await store.appendMetrics({ families, samples: [...taken, pushed] });
    return { status: 200 };
  }

  return {
    async handle(exchange) {
      if (!exchange.path.startsWith('/metrics/job')) return textReply(404, 'Not Found\n');
      try {
        if (exchange.method === 'PUT' || exchange.method === 'POST') return await push(exchange);
        if (exchange.method !== 'DELETE')
          return textReply(405, 'wanted PUT, POST or DELETE\n', { allow: 'PUT, POST, DELETE' });
        groupOf(exchange.path);
        return { status: 202 };
      } catch (error) {
        if (error instanceof BadPath || error instanceof ExpositionMalformed)
          return textReply(400, `${error.message}\n`);
        throw error;
      }
    },
    refuse: ({ status, reason, headers }: Refusal) => textReply(status, `${reason}\n`, headers),
  };
}

/** Unlike a scrape, a push has no `exported_…`: what is pushed under a label of its group is replaced. */
function overridden(labels: Labels, group: Readonly<Record<string, string>>): Labels {
  const own = Object.fromEntries(Object.entries(labels).filter(([name]) => !Object.hasOwn(group, name)));
  return withTargetLabels(own, group);
}

/** @throws BadPath */
function groupOf(path: string): Record<string, string> {
  const parts = path.split('/').slice(2);
  if (parts.length % 2 !== 0 || parts.length > 2 * MAX_GROUPING_LABELS)
    throw new BadPath('wanted /metrics/job/<job> and pairs of label and value');
  const group: Record<string, string> = {};
  for (let at = 0; at < parts.length; at += 2) {
    const written = parts[at] ?? '';
    const name = written.replace(/@base64$/, '');
    if (!LABEL_NAME.test(name) || name.startsWith('__'))
      throw new BadPath(`improper label name ${JSON.stringify(name.slice(0, 100))}`);
    group[name] = decoded(parts[at + 1] ?? '', written.endsWith('@base64'));
  }
  if ((group['job'] ?? '') === '') throw new BadPath('job name is required');
  return group;
}

function decoded(text: string, base64: boolean): string {
  if (base64) return Buffer.from(text.replace(/=+$/, ''), 'base64url').toString();
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadPath(`cannot decode ${JSON.stringify(text.slice(0, 100))}`);
  }
}
