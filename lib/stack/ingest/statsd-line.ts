/** One measurement of a StatsD packet. */
export interface StatsdMeasurement {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'timer' | 'set';
  /** Of a set: the member. */
  readonly member: string;
  /** Counters are already scaled up by the sample rate; timers are in the unit they came in. */
  readonly value: number;
  /** A gauge that was sent with a sign changes by the value. */
  readonly relative: boolean;
  /** In (0, 1]: a timer stands for 1 / rate observations. */
  readonly sampleRate: number;
  /** `ms` timers are milliseconds, `h` and `d` have the unit of the app. */
  readonly milliseconds: boolean;
  /** Tags of DogStatsD or Influx. */
  readonly tags: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<string, StatsdMeasurement['type']>> = {
  c: 'counter',
  g: 'gauge',
  ms: 'timer',
  h: 'timer',
  d: 'timer',
  s: 'set',
};

/**
 * Reads one line: `name:value|type|@rate|#tag:value`, several values as `name:1:2:3|ms` (DogStatsD 1.1), tags of Influx as
 * `name,tag=value:value|type`.
 * Source: statsd `docs/metric_types.md`; DogStatsD "Datagram format".
 *
 * @returns undefined for a line that is none
 */
export function readStatsdLine(line: string): StatsdMeasurement[] | undefined {
  const [head = '', code = '', ...options] = line.trim().split('|');
  const type = TYPES[code];
  const [named = '', ...values] = head.split(':');
  const [name = '', ...influxTags] = named.split(',');
  if (type === undefined || name === '' || values.length === 0) return undefined;
  let sampleRate = 1;
  let tags: Record<string, string> = readTags(influxTags, '=');
  for (const option of options) {
    if (option.startsWith('@')) sampleRate = Number(option.slice(1));
    else if (option.startsWith('#')) tags = { ...tags, ...readTags(option.slice(1).split(','), ':') };
  }
  if (!(sampleRate > 0 && sampleRate <= 1)) return undefined;
  const measurements: StatsdMeasurement[] = [];
  // A member of a set may hold colons.
  for (const text of type === 'set' ? [values.join(':')] : values) {
    const value = type === 'set' ? 0 : readNumber(text);
    if (value === undefined || text === '') return undefined;
    measurements.push({
      name,
      type,
      member: type === 'set' ? text : '',
      value: type === 'counter' ? value / sampleRate : value,
      relative: type === 'gauge' && /^[+-]/.test(text),
      sampleRate,
      milliseconds: code === 'ms',
      tags,
    });
  }
  return measurements;
}

function readNumber(text: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function readTags(pairs: readonly string[], separator: ':' | '='): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const tag of pairs) {
    const colon = tag.indexOf(separator);
    const name = (colon < 0 ? tag : tag.slice(0, colon)).replace(/[^a-zA-Z0-9_]/g, '_');
    if (name !== '' && name !== '__proto__')
      tags[/^\d/.test(name) ? `_${name}` : name] = colon < 0 ? '' : tag.slice(colon + 1);
  }
  return tags;
}
