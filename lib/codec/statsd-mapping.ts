import type { MetricDefinition } from '../model/catalogue.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import { RUNTIME_METRICS } from '../model/runtime-metrics.ts';
import {
  COUNT,
  STATSD_GROUPS,
  STATSD_OUTCOMES,
  type StatsdOutcome,
  TIMING,
  timingOf,
  VALUE,
} from './statsd-hierarchy.ts';
import { type TaggedDialect, taggedName } from './statsd-tags.ts';

/**
 * The mapping file of statsd_exporter (github.com/prometheus/statsd_exporter, "Metric Mapping and Configuration") that
 * turns the hierarchy into the metric and label names of `/metrics`. What the hierarchy cannot carry stays out: no
 * method, no scheme, the route is its segment, the status is its class.
 */

/** Metric kinds as the exporter's `match_metric_type` has them. */
type WireType = 'counter' | 'gauge' | 'observer';

interface Rule {
  readonly comment?: string;
  readonly match: string;
  readonly wire: WireType;
  /** Absent: the line is taken and dropped. */
  readonly name?: string;
  readonly help?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly buckets?: readonly number[];
}

const STATUS_CLASS: Readonly<Record<StatsdOutcome, string>> = { ok: '2xx', bad_request: '4xx', error: '5xx' };
/** Every name starts with these three; the labels are those that a scrape of the service itself would have. */
const PREFIX = '*.*.*';
const IDENTITY = { environment: '$1', instance: '$2', job: '$3' };

/** A histogram from the durations by outcome; the plain duration and the counters say the same again and are dropped. */
function durations(definition: MetricDefinition, group: string, segmentLabel: string): Rule[] {
  const status = 'http_response_status_code';
  for (const label of [segmentLabel, status]) {
    if (!definition.labels.includes(label)) throw new Error(`${definition.prometheus} has no label ${label}`);
  }
  return STATSD_OUTCOMES.flatMap((outcome): Rule[] => [
    {
      match: `${PREFIX}.${group}.*.${timingOf(outcome)}`,
      wire: 'observer',
      name: definition.prometheus,
      help: definition.help,
      labels: { ...IDENTITY, [segmentLabel]: '$4', [status]: STATUS_CLASS[outcome] },
      ...(definition.buckets === undefined ? {} : { buckets: definition.buckets }),
    },
    { match: `${PREFIX}.${group}.*.${outcome}`, wire: 'counter' },
  ]).concat({ match: `${PREFIX}.${group}.*.${TIMING}`, wire: 'observer' });
}

/**
 * Names that statsd_exporter has for itself (Go's process collector): it refuses to make a second metric of the name, so
 * the service's get a prefix.
 */
export const TAKEN_BY_EXPORTER = [
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_open_fds',
  'process_max_fds',
] as const;
export const PREFIX_OF_TAKEN = 'nodejs_';

function takenRules(): Rule[] {
  return TAKEN_BY_EXPORTER.map((name) => {
    const metric = RUNTIME_METRICS.find(({ prometheus }) => prometheus === name);
    if (metric === undefined || metric.type === 'histogram') throw new Error(`no runtime metric ${name}`);
    const last = metric.type === 'counter' ? COUNT : VALUE;
    return {
      match: `${PREFIX}.${STATSD_GROUPS.runtime}.${name}.${last}`,
      wire: metric.type,
      name: PREFIX_OF_TAKEN + name,
      help: metric.help,
      labels: IDENTITY,
    };
  });
}

function rules(): Rule[] {
  const runtime = `${PREFIX}.${STATSD_GROUPS.runtime}.*`;
  const custom = `${PREFIX}.${STATSD_GROUPS.custom}.*`;
  const labels = IDENTITY;
  const userLabels = { ...IDENTITY, labels: '$5' };
  return [
    ...durations(CATALOGUE.httpServerRequestDuration, STATSD_GROUPS.handlers, 'http_route'),
    ...durations(CATALOGUE.httpClientRequestDuration, STATSD_GROUPS.clients, 'server_address'),
    ...takenRules(),
    { match: `${runtime}.${VALUE}`, wire: 'gauge', name: '$4', help: 'Runtime value of the service.', labels },
    { match: `${runtime}.${COUNT}`, wire: 'counter', name: '$4', help: 'Runtime count of the service.', labels },
    // Metrics of the app: a known last segment means no labels; anything else is the label values, joined.
    { match: `${custom}.${COUNT}`, wire: 'counter', name: '$4', help: 'Metric of the app.', labels },
    { match: `${custom}.${VALUE}`, wire: 'gauge', name: '$4', help: 'Metric of the app.', labels },
    { match: `${custom}.${VALUE}`, wire: 'observer', name: '$4', help: 'Metric of the app.', labels },
    { match: `${custom}.${TIMING}`, wire: 'observer', name: '$4', help: 'Metric of the app.', labels },
    { match: `${custom}.*`, wire: 'counter', name: '$4', help: 'Metric of the app.', labels: userLabels },
    { match: `${custom}.*`, wire: 'gauge', name: '$4', help: 'Metric of the app.', labels: userLabels },
    { match: `${custom}.*`, wire: 'observer', name: '$4', help: 'Metric of the app.', labels: userLabels },
  ];
}

function ruleText(rule: Rule): string {
  const lines = [`- match: ${JSON.stringify(rule.match)}`, `  match_metric_type: ${rule.wire}`];
  if (rule.name === undefined) return [...lines, '  name: "dropped"', '  action: drop'].join('\n');
  lines.push(`  name: ${JSON.stringify(rule.name)}`);
  if (rule.help !== undefined) lines.push(`  help: ${JSON.stringify(rule.help)}`);
  if (rule.buckets !== undefined) lines.push('  histogram_options:', `    buckets: [${rule.buckets.join(', ')}]`);
  if (rule.labels !== undefined) lines.push('  labels:');
  for (const [name, value] of Object.entries(rule.labels ?? {})) lines.push(`    ${name}: ${JSON.stringify(value)}`);
  return lines.join('\n');
}

const WIRE_OF = { counter: 'counter', gauge: 'gauge', info: 'gauge', histogram: 'observer' } as const;

/** With tags only names have to be made: the labels are those of `/metrics` already. */
function taggedRules(): Rule[] {
  const definitions: readonly MetricDefinition[] = Object.values(CATALOGUE);
  const taken: readonly string[] = TAKEN_BY_EXPORTER;
  return [
    ...definitions.map(
      ({ prometheus, type, help, buckets }): Rule => ({
        match: taggedName(prometheus),
        wire: WIRE_OF[type],
        name: prometheus,
        help,
        ...(buckets !== undefined && { buckets }),
      }),
    ),
    ...RUNTIME_METRICS.filter(({ type }) => type !== 'histogram').map(
      ({ prometheus, type, help }): Rule => ({
        match: taggedName(prometheus),
        wire: WIRE_OF[type],
        name: taken.includes(prometheus) ? PREFIX_OF_TAKEN + prometheus : prometheus,
        help,
      }),
    ),
  ];
}

function defaultsText(): string {
  return `defaults:
  observer_type: histogram
  match_type: glob
  # The most precise rule wins, in whatever order.
  glob_disable_ordering: true
  histogram_options:
    buckets: [${CATALOGUE.httpServerRequestDuration.buckets.join(', ')}]`;
}

const TAGGED_WORDS: Readonly<Record<TaggedDialect, readonly string[]>> = {
  dogstatsd: [
    'DogStatsD',
    `#   - All labels are those of /metrics; in their values a comma and a bar are _. In a container the exporter adds
#     container_id; DD_ORIGIN_DETECTION_ENABLED=false at the service leaves it out.`,
  ],
  influx: [
    'Influx',
    '#   - All labels are those of /metrics; in their values each of : | , = [ ] and white space is _ (/orders/_id).',
  ],
};

/** The whole file for a dialect with tags; ends with a line end. */
export function taggedMapping(dialect: TaggedDialect): string {
  const [word, labels] = TAGGED_WORDS[dialect];
  return `# Generated from lib/model/catalogue.ts by \`npm run generate\`. Do not edit.
#
# Mapping of statsd_exporter for SIGHTLINE_STATSD_DIALECT=${dialect} (${word} tags). It gives the metric names of the services'
# own /metrics, so that the same dashboards work:
${labels}
#   - environment, instance (the host), job (the service) and service_version are tags, too. Scrape the exporter with
#     honor_labels: true, else they become exported_instance and exported_job.
#   - The exporter has process_cpu_seconds_total, process_resident_memory_bytes and four more for itself; those of the
#     services are nodejs_process_… here.
#   - Metrics of the app need no rule: they keep their names.
# Scraping a service's /metrics and this exporter into one Prometheus counts everything twice: choose one.
#
#   statsd_exporter --statsd.mapping-config=mapping-${dialect}.yml
${defaultsText()}
mappings:
${taggedRules().map(ruleText).join('\n')}
`;
}

/** The whole file for the hierarchy, with its head; ends with a line end. */
export function statsdMapping(): string {
  return `# Generated from lib/model/catalogue.ts by \`npm run generate\`. Do not edit.
#
# Mapping of statsd_exporter for Sightline's StatsD hierarchy (environment.host.service.group.segment.outcome).
# It gives the metric and label names of the services' own /metrics, so that the same dashboards work:
#   - http_route (server) and server_address (client) hold the segment, http_response_status_code the class
#     (2xx, 4xx, 5xx); the hierarchy carries no method, scheme or error type.
#   - environment, instance (the host) and job (the service) come from the name. Scrape the exporter with
#     honor_labels: true, else they become exported_instance and exported_job.
#   - The exporter has process_cpu_seconds_total, process_resident_memory_bytes and four more for itself; those of the
#     services are nodejs_process_… here.
#   - Label values of the app's own metrics arrive joined, in declared order, in the label "labels".
# Scraping a service's /metrics and this exporter into one Prometheus counts everything twice: choose one.
#
#   statsd_exporter --statsd.mapping-config=mapping.yml
${defaultsText()}
mappings:
${rules().map(ruleText).join('\n')}
`;
}
