import type { Sample } from '../../../lib/stack/store/store.ts';
import type { Random } from '../../fuzz/random.ts';
import type { Vocabulary } from './generate-query.ts';

/** Seconds between samples, about. */
const INTERVAL = 15;
const BOUNDS = ['0.1', '0.5', '1', '2.5', '+Inf'];
const JOBS = ['api', 'worker', 'cron'];
const ZONES = ['eu-1', 'us-2'];

export const VOCABULARY: Vocabulary = {
  counters: ['orders_total', 'sent_bytes_total'],
  gauges: ['queue_depth', 'temperature', 'build'],
  buckets: ['latency_bucket'],
  labels: { job: JOBS, zone: ZONES, le: BOUNDS },
  interval: INTERVAL,
};

/** Counters that are reset, gauges with gaps and odd values, a histogram: an hour of samples up to `end` (seconds). */
export function sampleSeries(random: Random, end: number): Sample[] {
  const samples: Sample[] = [];
  const times = (): number[] => {
    const found: number[] = [];
    for (let at = end - 3600 + random.below(INTERVAL); at <= end; at += INTERVAL) {
      // Missed scrapes, now and then many.
      if (random.oneIn(15)) continue;
      if (random.oneIn(60)) at += INTERVAL * random.between(5, 40);
      found.push(at * 1000 + (random.oneIn(3) ? random.below(900) : 0));
    }
    return found;
  };
  const add = (labels: Record<string, string>, next: () => number): void => {
    for (const timestamp of times()) samples.push({ labels, value: next(), timestamp });
  };
  for (const job of JOBS) {
    for (const zone of ZONES) {
      // Not everything is everywhere, so that matching has something to miss.
      const labels = { job, zone };
      for (const name of VOCABULARY.counters) {
        if (random.oneIn(6)) continue;
        let value = random.below(100);
        add({ __name__: name, ...labels }, () => {
          value = random.oneIn(40) ? random.below(5) : value + random.below(30) * (name === 'orders_total' ? 1 : 0.25);
          return value;
        });
      }
      if (!random.oneIn(4)) add({ __name__: 'queue_depth', ...labels }, () => random.below(6));
      add({ __name__: 'temperature', ...labels }, () =>
        random.oneIn(60)
          ? random.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1e300])
          : random.between(-400, 400) / 8,
      );
      const counts = BOUNDS.map(() => 0);
      const buckets = times();
      for (const timestamp of buckets) {
        const growth = BOUNDS.map(() => random.below(4));
        BOUNDS.forEach((le, index) => {
          counts[index]! += growth.slice(0, index + 1).reduce((sum, one) => sum + one, 0);
          samples.push({ labels: { __name__: 'latency_bucket', ...labels, le }, value: counts[index]!, timestamp });
        });
      }
    }
    add({ __name__: 'build', job }, () => 1);
  }
  return samples.filter(({ timestamp }) => timestamp <= end * 1000);
}

/** The samples as an OpenMetrics page. */
export function openMetrics(samples: readonly Sample[]): string {
  const names = [...new Set(samples.map(({ labels }) => labels['__name__']!))];
  const lines = names.flatMap((name) =>
    samples
      .filter(({ labels }) => labels['__name__'] === name)
      .map(({ labels: { __name__, ...labels }, value, timestamp }) => {
        const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
        return `${name}{${pairs.join(',')}} ${valueText(value)} ${timestamp / 1000}`;
      }),
  );
  return `${lines.join('\n')}\n# EOF\n`;
}

function valueText(value: number): string {
  return String(value).replace('Infinity', 'Inf').replace(/^Inf/, '+Inf');
}
