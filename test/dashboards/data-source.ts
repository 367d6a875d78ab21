/** The panels' queries as Grafana's data sources send them. */
import type { Target } from '../../lib/dashboards/grafana.ts';
import type { Elasticsearch } from '../backends/elasticsearch.ts';
import { type Choices, interpolated } from './queries.ts';

/** Times of a query in Unix seconds. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Path and form of a Prometheus query. */
export function prometheusForm(
  target: Target,
  choices: Choices,
  { start, end }: Range,
): readonly ['query' | 'query_range', Record<string, string>] {
  const query = interpolated(String(target['expr']), choices);
  if (target['instant'] === true) return ['query', { query, time: String(end) }];
  return ['query_range', { query, start: String(start), end: String(end), step: '5' }];
}

/** @returns how many lines, or buckets with lines, an Elasticsearch target finds */
export async function elasticsearchHits(
  elasticsearch: Elasticsearch,
  { target, choices, range, index }: { target: Target; choices: Choices; range: Range; index: string },
): Promise<number> {
  const query = {
    bool: {
      filter: [
        { range: { '@timestamp': { gte: range.start * 1000, lte: range.end * 1000, format: 'epoch_millis' } } },
        { query_string: { analyze_wildcard: true, query: interpolated(String(target['query']), choices) } },
      ],
    },
  };
  const [terms, histogram] = (target['bucketAggs'] ?? []) as { field: string; settings: Record<string, string> }[];
  if (terms === undefined || histogram === undefined) {
    const found = await elasticsearch.request('POST', `/${index}/_search`, {
      size: 500,
      query,
      sort: [{ '@timestamp': 'desc' }],
    });
    return found.hits.hits.length;
  }
  const over = { date_histogram: { field: histogram.field, fixed_interval: '5s', min_doc_count: 0 } };
  const by = { field: terms.field, size: Number(terms.settings['size']), order: { _count: 'desc' }, min_doc_count: 1 };
  const found = await elasticsearch.request('POST', `/${index}/_search`, {
    size: 0,
    query,
    aggs: { 2: { terms: by, aggs: { 3: over } } },
  });
  return found.aggregations['2'].buckets.filter((bucket: any) => bucket['3'].buckets.length > 0).length;
}
