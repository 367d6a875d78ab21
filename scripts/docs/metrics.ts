import { STATSD_GROUPS } from '../../lib/codec/statsd-hierarchy.ts';
import type { MetricDefinition } from '../../lib/model/catalogue.ts';
import { CATALOGUE } from '../../lib/model/catalogue.ts';
import { RUNTIME_METRICS, WRONG_TOTALS } from '../../lib/model/runtime-metrics.ts';
import { STACK_METRICS } from '../../lib/model/stack-metrics.ts';

function code(texts: readonly string[]): string {
  return texts.length === 0 ? '–' : texts.map((text) => `\`${text}\``).join(', ');
}

function ours(definition: MetricDefinition): string {
  const unit = definition.unit === '' ? '–' : `\`${definition.unit}\``;
  return `| \`${definition.prometheus}\` | ${definition.type} | ${unit} | ${code(definition.labels)} | ${definition.help} |`;
}

/** docs/metrics.md. */
export function metricsPage(): string {
  const definitions: readonly MetricDefinition[] = Object.values(CATALOGUE);
  const buckets = CATALOGUE.httpServerRequestDuration.buckets.join(', ');
  return `<!-- Generated from lib/model/catalogue.ts by \`npm run generate\`. Do not edit. -->

# Metrics

Every metric that Sightline emits. HTTP metrics follow OpenTelemetry's semantic conventions; names, units and help texts
pass \`promtool check metrics\`.

## HTTP and Sightline itself

| Prometheus | type | unit | labels | meaning |
|---|---|---|---|---|
${definitions.map(ours).join('\n')}

Buckets of the durations, in seconds: ${buckets}. In OpenMetrics (\`Accept: application/openmetrics-text\`) each bucket carries
its last sampled observation as exemplar, with \`trace_id\` and \`span_id\`.

- A method that HTTP does not define is \`_OTHER\`. A request that matched no route has \`http_route=""\`. An aborted request
  has no status and an \`error_type\`; without a more precise reason, \`error_type\` of a failed answer is its status code.
- A metric has at most \`SIGHTLINE_METRIC_SERIES_LIMIT\` series. What comes beyond goes to one series with \`__other__\` in
  every label and is counted in \`${CATALOGUE.seriesOverLimit.prometheus}\`.
- The four \`sightline_health_*\` facts cover the last minute in steps of five seconds; the percentile is within 2 %.

## Node

From prom-client's \`collectDefaultMetrics\`.

| Prometheus | type | labels | meaning |
|---|---|---|---|
${RUNTIME_METRICS.map((metric) => `| \`${metric.prometheus}\` | ${metric.type} | ${code(metric.labels)} | ${metric.help} |`).join('\n')}

prom-client's ${code(Object.keys(WRONG_TOTALS))} are gauges, and \`_total\` belongs to counters. Their numbers are the sums over
${code(Object.values(WRONG_TOTALS))}: \`sum without (type) (nodejs_active_handles)\`.

## The local stack

What \`sightline up\` says of itself on its own \`/metrics\`.

| Prometheus | type | meaning |
|---|---|---|
${Object.values(STACK_METRICS)
  .map((metric) => `| \`${metric.prometheus}\` | ${metric.type} | ${metric.help} |`)
  .join('\n')}

## Your own

\`\`\`js
import { metrics } from 'sightline';

const orders = metrics.counter({ name: 'orders_created_total', help: 'Orders created.', labels: ['kind'] });
orders.inc({ kind: 'card' });
\`\`\`

A declaration that breaks Prometheus's naming rules throws \`SIGHTLINE_E_METRIC_NAME\` and says the right name; using an
instrument never throws. Registries of your own \`prom-client\` or \`@prometheus-io/client\` join the same page; of two families
with one name the first stays, in the order Sightline, \`metrics\`, Node, yours.

## StatsD

\`SIGHTLINE_METRICS=statsd\` sends \`environment.host.service.group.segment.outcome\`. Each segment is made of \`[a-z0-9_-]\`: lower
case, every other character becomes \`_\`, runs of \`_\` become one, none stays at the ends.

| name | type | meaning |
|---|---|---|
| \`….${STATSD_GROUPS.handlers}.get_orders_id.ok\`, \`.bad_request\`, \`.error\` | counter | requests of \`GET /orders/:id\` that ended below 400, with 4xx, with 5xx or not at all |
| \`….${STATSD_GROUPS.handlers}.get_orders_id.timing\` | ms | their duration |
| \`….${STATSD_GROUPS.handlers}.get_orders_id.timing_ok\`, \`.timing_bad_request\`, \`.timing_error\` | ms | the same by outcome |
| \`….${STATSD_GROUPS.clients}.get_api_example_com.ok\`, … | as above | outbound requests, by method and host (and port, unless 80 or 443) |
| \`….${STATSD_GROUPS.runtime}.nodejs_heap_size_used_bytes.value\`, \`….process_cpu_seconds_total.count\` | gauge, counter | Node's metrics that have no labels, every ten seconds |
| \`….${STATSD_GROUPS.custom}.orders_created_total.card\` | as declared | your own; the last segment is the label values, else \`count\`, \`value\` or \`timing\` |

\`GET /\` is \`get\`; a request that matched no route is \`get_unmatched\`. Counters are added up for a second; of one duration name
64 values a second leave as they are, above that a sample with the exact rate. A packet is at most 1432 bytes.

\`deploy/statsd/mapping.yml\` makes the names above out of the hierarchy in statsd_exporter. Six \`process_*\` names are the exporter's own; the
services' are \`nodejs_process_*\` there. Scraping a service and the exporter into
one Prometheus counts everything twice: choose one; \`sightline lint metrics\` with both addresses sees it.

\`SIGHTLINE_STATSD_DIALECT\` with tags sends one name for each metric, its labels as tags, and all counters and gauges of this page:

\`\`\`
http.server.request.duration:31.2:4.08|ms|#http_request_method:GET,http_route:/orders/:id,…,environment:prod,instance:server1,job:shop   dogstatsd
http.server.request.duration,http_request_method=GET,http_route=/orders/_id,…,environment=prod,instance=server1,job=shop:31.2|ms        influx
\`\`\`

- Metrics of the first table have their dotted OpenTelemetry name (\`sightline.log.lines\`), all others the name that they have here. Durations are
  milliseconds; a histogram that is not observed value by value (\`nodejs_gc_duration_seconds\`) does not leave.
- A label without a value is no tag. A comma and a bar become \`_\` in \`dogstatsd\`; in \`influx\` also \`:\`, \`=\`, brackets and white space.
- \`dogstatsd\` packs several durations into a line, and names the container (\`|c:\`) unless \`DD_ORIGIN_DETECTION_ENABLED=false\`;
  statsd_exporter makes it the label \`container_id\`.
- \`deploy/statsd/mapping-dogstatsd.yml\` and \`mapping-influx.yml\` give the names of this page again.

Which server reads what, by tests against the real ones with equal totals by route and outcome:

| server | dialect | transports tested |
|---|---|---|
| statsd_exporter 0.31 | all three, with the mappings of \`deploy/statsd/\` | udp, tcp |
| StatsD 0.9 into Graphite (Carbon, Whisper 1.1) | \`hierarchy\` | udp, tcp, unix |
| Telegraf 1.37 into InfluxDB 1.8 | \`influx\` | udp, tcp |

Telegraf needs \`influx\`: with \`datadog_extensions\` it does not read lines of several values, which \`dogstatsd\` packs durations
into. Datadog's own agent is not tested against; the format is tested by statsd_exporter, the stream socket by the bytes that
Datadog documents. With the daemon's \`legacyNamespace: false\` Graphite shows \`counters.prod.server1.shop.handlers.get_orders_id.ok.count\`
and \`timers.prod.server1.shop.handlers.get_orders_id.timing.upper_90\`.

Packets leave over \`udp://\` (at most 1432 bytes each), \`tcp://\` (a line end behind each packet) or \`unix:///path\`: a stream socket, because Node
has no Unix datagrams. There \`dogstatsd\` writes the length of each packet before it, as Datadog's agent reads it at
\`DD_DOGSTATSD_STREAM_SOCKET\`; the other dialects write lines. Streams come back by themselves; 1000 packets wait meanwhile. What was sent and what was
dropped is counted in \`${CATALOGUE.statsdPackets.prometheus}\`; a closed UDP port is noticed where the system tells it, and said
once. Over UDP the name of the server is looked up once a minute; meanwhile, and while it is not found, packets go where they went before. A
name that was never found is asked for every ten seconds.

## Pushgateway

\`SIGHTLINE_METRICS=push\` sends this page to \`SIGHTLINE_METRICS_PUSH_URL\` as \`/metrics/job/<service>/instance/<host>\`, every 15 seconds and once more at the
end: for jobs that end before they are scraped. \`service.instance.id\` of \`OTEL_RESOURCE_ATTRIBUTES\` takes the place of the host; workers of a cluster
add their number.

- A process that runs out of work, and one that a signal ends, replaces everything (\`PUT\`).
- \`process.exit()\` and an uncaught error leave no time for promises: Sightline's metrics and those of \`metrics\` are pushed (\`POST\`); Node's and your own
  \`prom-client\` stay as they were pushed before. So it is where the app has a listener of \`beforeExit\`, which would else be told twice.
- The end waits for the gateway at most \`SIGHTLINE_SHUTDOWN_TIMEOUT\`, after a signal \`SIGHTLINE_DRAIN_TIMEOUT\`. Failures are said once and counted in
  \`${CATALOGUE.metricPushes.prometheus}\`.
`;
}
