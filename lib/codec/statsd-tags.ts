import { CATALOGUE } from '../model/catalogue.ts';

/**
 * StatsD with tags: one name per metric, and its labels beside it. DogStatsD (docs.datadoghq.com, "Datagram format",
 * protocol 1.2): `name:1:2:3|ms|@0.5|#tag:value,tag:value|c:container`. Influx (Telegraf, "StatsD input", tags of
 * InfluxDB): `name,tag=value,tag=value:1|ms|@0.5`.
 */
export type TaggedDialect = 'dogstatsd' | 'influx';

/** What stands before the values of a line and behind its type and rate. */
export interface StatsdAddress {
  readonly head: string;
  readonly tail: string;
  /** Whether the dialect takes several values in one line. */
  readonly packed: boolean;
}

export interface TaggedIdentity {
  readonly environment: string;
  readonly host: string;
  readonly service: string;
  readonly version: string;
}

/** A comma ends a DogStatsD tag, a bar the tags, a line end the metric. */
const NOT_IN_DOGSTATSD = /[,|\p{Cc}\u2028\u2029]/gu;
/** Telegraf and statsd_exporter end a name at the first colon and a tag at a comma or `=`; brackets are SignalFx's tags. */
const NOT_IN_INFLUX = /[,|:=[\]\s\p{Cc}\u2028\u2029]/gu;
const NOT_IN_NAME = /[^A-Za-z0-9_.-]/g;

/** Neutral dotted names of the catalogue by their Prometheus name; any other metric keeps its name on the wire. */
const WIRE_NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(CATALOGUE).map(({ prometheus, name, type }) => [prometheus, type === 'info' ? `${name}.info` : name]),
);

/** The name of a metric in a tagged dialect. @param prometheus its name on `/metrics` */
export function taggedName(prometheus: string): string {
  return WIRE_NAMES.get(prometheus) ?? prometheus;
}

function dogstatsdValue(value: string): string {
  // A colon at the end reads as a tag without value in some servers.
  return value.replace(NOT_IN_DOGSTATSD, '_').replace(/:$/, '_');
}

function influxValue(value: string): string {
  return value.replace(NOT_IN_INFLUX, '_');
}

/** The addresses of one process. Results are to be kept: making one costs a microsecond. */
export class StatsdTags {
  private readonly dialect: TaggedDialect;
  private readonly identity: string;
  private readonly end: string;

  /** @param containerId DogStatsD only: lets the agent add the tags of the container (`|c:`) */
  constructor(dialect: TaggedDialect, identity: TaggedIdentity, containerId?: string) {
    this.dialect = dialect;
    const { environment, host, service, version } = identity;
    // The names that Prometheus gives to a target which announces itself.
    this.identity = this.pairs(
      ['environment', 'instance', 'job', 'service_version'],
      [environment, host, service, version],
    );
    this.end =
      dialect === 'dogstatsd' && containerId !== undefined ? `|c:${containerId.replace(NOT_IN_DOGSTATSD, '_')}` : '';
  }

  /** A tag without a value is left out: to Prometheus an empty label is no label, and to statsd_exporter it is an error. */
  private pairs(names: readonly string[], values: readonly string[]): string {
    let text = '';
    for (let index = 0; index < names.length; index += 1) {
      const value = values[index] ?? '';
      if (value === '') continue;
      const name = (names[index] as string).replace(NOT_IN_NAME, '_');
      text += this.dialect === 'dogstatsd' ? `,${name}:${dogstatsdValue(value)}` : `,${name}=${influxValue(value)}`;
    }
    return text;
  }

  /**
   * @param prometheus name on `/metrics`
   * @param labelValues as many as `labelNames`
   */
  address(prometheus: string, labelNames: readonly string[], labelValues: readonly string[]): StatsdAddress {
    const name = taggedName(prometheus).replace(NOT_IN_NAME, '_');
    const tags = this.pairs(labelNames, labelValues) + this.identity;
    if (this.dialect === 'influx') return { head: name + tags, tail: '', packed: false };
    return { head: name, tail: `${tags === '' ? '' : `|#${tags.slice(1)}`}${this.end}`, packed: true };
  }
}
