import { MAX_TIMINGS_PER_NAME } from '../../lib/metrics/statsd-aggregator.ts';
import type { Bytes } from './counting-proxy.ts';
import type { Measurement } from './measure.ts';
import type { CostFigures } from './scenarios.ts';

/** Bytes a request, rounded so that lengths of paths, ports and durations do not show. */
function each(bytes: number, { requests }: Measurement): string {
  const value = bytes / requests;
  return bytes === 0 ? '–' : String(value < 100 ? Math.round(value) : Math.round(value / 10) * 10);
}

function both({ raw, gzip }: Bytes, measured: Measurement): string {
  return raw === 0 ? '–' : `${each(raw, measured)} / ${each(gzip, measured)}`;
}

function wire({ elasticsearch, zipkin }: Measurement): Bytes {
  return { raw: elasticsearch.raw + zipkin.raw, gzip: elasticsearch.gzip + zipkin.gzip };
}

function saved(bytes: number, of: number): string {
  const percent = Math.round((1 - bytes / of) * 100);
  return percent === 0 ? '–' : `${percent} %`;
}

/** docs/cost.md. @param requests a run */
export function costPage(figures: CostFigures, requests: number): string {
  const { controls, oneRoute, allRoutes, routes, dialects, failsEvery } = figures;
  const base = controls[0]!.measured;
  const perRoute = (measured: (m: Measurement) => number): number =>
    Math.round((measured(allRoutes) - measured(oneRoute)) / (routes - 1) / 10) * 10;
  return `<!-- Printed by \`npm run cost -- --write\`. Do not edit. -->

# What observation costs in bytes

\`npm run cost -- --write\` wrote this page: it runs a service for each row, sends it ${requests} requests, and counts what is on the
disk and what a receiver was sent. The bytes are those of the formats, not of a machine; they vary a little with the lengths of
paths and names. What it costs in CPU and memory: [benchmarks.md](benchmarks.md).

## What a request costs

Bytes a request, of an Express app with all defaults: everything traced, an access line each. On the wire: bodies of requests in
full batches, as they are / with gzip level 1, which is used over a network and not on the loopback. Records wait in the journal
until their backend has acknowledged them, and it is another form for OTLP, so it has two columns. Lines and spans of one kind
alike compress better than those of a real service: take the second figure as the least.

| a request that … | journal | Elasticsearch \`_bulk\` | Zipkin JSON | journal for OTLP | OTLP spans | OTLP logs |
|---|---|---|---|---|---|---|
${figures.requests
  .map(({ title, stock, otlp }) => {
    const cells = [
      each(stock.journal, stock),
      both(stock.elasticsearch, stock),
      both(stock.zipkin, stock),
      each(otlp.journal, otlp),
      both(otlp.otlpTraces, otlp),
      both(otlp.otlpLogs, otlp),
    ];
    return `| ${title} | ${cells.join(' | ')} |`;
  })
  .join('\n')}

A failed request has the stack twice, in its span and in its error line: deep stacks and long paths of source files cost more.

## What each control saves

Requests that write one log line; one in ${failsEvery} fails. Journal and wire (Elasticsearch and Zipkin) in bytes a request. What is
negative costs more. Requests come with a trace ID and without a decision, as from a gateway, so each run samples the same ones.

| set | records a request | journal | saved | wire | saved |
|---|---|---|---|---|---|
${controls
  .map(({ title, measured }) => {
    const cells = [
      (measured.records / measured.requests).toFixed(1),
      each(measured.journal, measured),
      saved(measured.journal, base.journal),
      both(wire(measured), measured),
      saved(wire(measured).raw, wire(base).raw),
    ];
    return `| ${title} | ${cells.join(' | ')} |`;
  })
  .join('\n')}

What each of them does is in [configuration.md](configuration.md); how sampling by route decides in
[rationale.md](rationale.md#how-are-requests-sampled-by-route). All of them work over HTTP/1 and HTTP/2, and with
\`SIGHTLINE_DELIVERY=direct\`. Debug lines that an app writes for ten minutes (\`PUT /loglevel?for=10m\`) cost as many lines as it
writes.

## What metrics cost

A metric of Prometheus costs by its series, not by its requests. Each route with one outcome adds to a page of \`/metrics\`:

| page | bytes a route |
|---|---|
| Prometheus text | ${perRoute(({ prometheus }) => prometheus.raw)} / ${perRoute(({ prometheus }) => prometheus.gzip)} |
| OpenMetrics, with exemplars | ${perRoute(({ openMetrics }) => openMetrics.raw)} / ${perRoute(({ openMetrics }) => openMetrics.gzip)} |

\`SIGHTLINE_METRIC_SERIES_LIMIT\` bounds the series of a metric. Runtime metrics are a constant page beside.

StatsD counts once a second, and says each timing by itself, at most ${MAX_TIMINGS_PER_NAME} a second of one name. Below that:

| dialect | bytes a request |
|---|---|
${dialects.map(({ title, measured }) => `| \`${title}\` | ${each(measured.statsd, measured)} |`).join('\n')}
`;
}
