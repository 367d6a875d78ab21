import type { StatsdAddress } from '../codec/statsd-tags.ts';
import { runOutside } from '../context/context.ts';
import { reportBug } from '../core/fence.ts';

/** Aggregation interval. */
const FLUSH_INTERVAL_MILLIS = 1000;
/** Pull callbacks (runtime values) run once in so many intervals: they change slowly and cost packets. */
export const PULL_EVERY_INTERVALS = 10;
/** Largest packet: what fits one Ethernet frame over IPv6 with room to spare; the number that StatsD's README gives. */
export const MAX_PACKET_BYTES = 1432;
/** Timings of one name kept per interval as they are; above, every second, fourth, … one is kept and weighted. */
export const MAX_TIMINGS_PER_NAME = 64;
/** Instruments kept; beyond, all share one name per kind so that totals stay exact. */
const MAX_INSTRUMENTS = 20_000;
const OVERFLOW_NAME = 'other';

export interface AggregatorOptions {
  /** Takes finished packets, each a complete datagram. Called from the timer; fenced. */
  readonly send: (packets: readonly string[]) => void;
  readonly intervalMillis?: number;
  /** Bytes of one packet; default `MAX_PACKET_BYTES`. */
  readonly packetBytes?: number;
}

/** Names are made by `codec/statsd-hierarchy`; this is the last fence: nothing but these characters reaches the wire. */
function cleanName(name: string): StatsdAddress {
  return { head: name.replace(/[^A-Za-z0-9_.-]/g, '_').slice(0, 700), tail: '', packed: false };
}

/** Without exponent, at most six decimals: what every StatsD server reads. A sum beyond every number is the largest one. */
function formatNumber(given: number): string {
  const value = Math.min(given, Number.MAX_VALUE);
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  const text = Math.abs(value) < 1e21 ? value.toFixed(6) : BigInt(Math.trunc(value)).toString();
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/**
 * A sample rate that stands for exactly `weight` events: cut, not rounded, so that a server which computes
 * `int(1 / rate)` (statsd_exporter does) gets `weight` and not one less.
 */
function rateSuffix(weight: number): string {
  if (weight === 1) return '';
  return `|@${(Math.floor(1e10 / weight) / 1e10).toFixed(10).replace(/0+$/, '')}`;
}

interface Instrument {
  lines(): string[];
}

/** One counter name. */
export class StatsdCounter implements Instrument {
  private readonly address: StatsdAddress;
  private readonly touched: (instrument: Instrument) => void;
  private pending = 0;

  constructor(address: StatsdAddress, touched: (instrument: Instrument) => void) {
    this.address = address;
    this.touched = touched;
  }

  /** Finite and not negative; anything else is left out. */
  add(amount = 1): void {
    if (typeof amount !== 'number' || !(amount > 0 && amount < Infinity)) return;
    if (this.pending === 0) this.touched(this);
    this.pending += amount;
  }

  lines(): string[] {
    const line = `${this.address.head}:${formatNumber(this.pending)}|c${this.address.tail}`;
    this.pending = 0;
    return [line];
  }
}

/** One gauge name. */
export class StatsdGauge implements Instrument {
  private readonly address: StatsdAddress;
  private readonly touched: (instrument: Instrument) => void;
  private value: number | undefined = undefined;

  constructor(address: StatsdAddress, touched: (instrument: Instrument) => void) {
    this.address = address;
    this.touched = touched;
  }

  set(value: number): void {
    if (typeof value !== 'number' || !Number.isFinite(value)) return;
    if (this.value === undefined) this.touched(this);
    this.value = value;
  }

  lines(): string[] {
    const value = this.value ?? 0;
    this.value = undefined;
    // A sign means "change by" in StatsD: a negative value is reached from zero, in one line pair of one packet.
    const line = (number: number): string => `${this.address.head}:${formatNumber(number)}|g${this.address.tail}`;
    return value < 0 ? [`${line(0)}\n${line(value)}`] : [line(value)];
  }
}

/**
 * One name of single values. Up to `MAX_TIMINGS_PER_NAME` leave as they are; above, a systematic sample does, with
 * weights that add up to the exact count.
 */
export class StatsdTimings implements Instrument {
  private readonly address: StatsdAddress;
  private readonly suffix: string;
  private readonly packetBytes: number;
  private readonly touched: (instrument: Instrument) => void;
  private kept: number[] = [];
  private stride = 1;
  private sinceKept = 0;
  private last = 0;

  constructor(
    address: StatsdAddress,
    type: 'ms' | 'h',
    packetBytes: number,
    touched: (instrument: Instrument) => void,
  ) {
    this.address = address;
    this.suffix = `|${type}`;
    this.packetBytes = packetBytes;
    this.touched = touched;
  }

  record(value: number): void {
    if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) return;
    if (this.kept.length === 0 && this.sinceKept === 0) this.touched(this);
    this.last = value;
    this.sinceKept += 1;
    if (this.sinceKept < this.stride) return;
    if (this.kept.length === MAX_TIMINGS_PER_NAME) {
      // Every second one stays and stands for two; the events since the last kept one go on counting towards the next.
      this.kept = this.kept.filter((_, index) => index % 2 === 1);
      this.stride *= 2;
      return;
    }
    this.sinceKept = 0;
    this.kept.push(value);
  }

  lines(): string[] {
    const lines = this.written(this.kept, this.stride);
    if (this.sinceKept > 0) lines.push(...this.written([this.last], this.sinceKept));
    this.kept = [];
    this.stride = 1;
    this.sinceKept = 0;
    return lines;
  }

  /** A line per value, or as many values in a line as a packet holds (DogStatsD 1.1, "value packing"). */
  private written(values: readonly number[], weight: number): string[] {
    const { head, tail, packed } = this.address;
    const end = `${this.suffix}${rateSuffix(weight)}${tail}`;
    const texts = values.map((value) => `:${formatNumber(value)}`);
    if (!packed) return texts.map((text) => head + text + end);
    const room = this.packetBytes - Buffer.byteLength(head) - Buffer.byteLength(end);
    const lines: string[] = [];
    let together = '';
    for (const text of texts) {
      if (together !== '' && together.length + text.length > room) {
        lines.push(head + together + end);
        together = '';
      }
      together += text;
    }
    if (together !== '') lines.push(head + together + end);
    return lines;
  }
}

/** Joins lines to packets of at most so many bytes; a line that is longer goes alone. */
function pack(lines: readonly string[], packetBytes: number): string[] {
  const packets: string[] = [];
  let packet = '';
  let size = 0;
  // A pair of lines stays together unless it would make a packet of its own too large.
  const whole = lines.flatMap((line) => (Buffer.byteLength(line) > packetBytes ? line.split('\n') : [line]));
  for (const line of whole) {
    const length = Buffer.byteLength(line);
    if (packet !== '' && size + 1 + length > packetBytes) {
      packets.push(packet);
      packet = '';
    }
    size = packet === '' ? length : size + 1 + length;
    packet = packet === '' ? line : `${packet}\n${line}`;
  }
  if (packet !== '') packets.push(packet);
  return packets;
}

/**
 * Adds up what happens in one interval and sends it in few packets: a counter costs one line a second however often it
 * moves. The timer starts with the first observation and never holds the process.
 */
export class StatsdAggregator {
  private readonly send: (packets: readonly string[]) => void;
  private readonly intervalMillis: number;
  private readonly packetBytes: number;
  private readonly instruments = new Map<string, StatsdCounter | StatsdGauge | StatsdTimings>();
  private readonly pulls: (() => void)[] = [];
  private dirty: Instrument[] = [];
  private timer: NodeJS.Timeout | undefined = undefined;
  private intervals = 0;
  private closed = false;

  constructor({ send, intervalMillis = FLUSH_INTERVAL_MILLIS, packetBytes = MAX_PACKET_BYTES }: AggregatorOptions) {
    this.send = send;
    this.intervalMillis = intervalMillis;
    this.packetBytes = packetBytes;
  }

  /** The counter of this name; keep it, a look-up costs more than an `add`. */
  counter(where: string | StatsdAddress): StatsdCounter {
    return this.instrument('c', where, (address) => new StatsdCounter(address, this.touched));
  }

  gauge(where: string | StatsdAddress): StatsdGauge {
    return this.instrument('g', where, (address) => new StatsdGauge(address, this.touched));
  }

  /** Values in milliseconds. */
  timings(where: string | StatsdAddress): StatsdTimings {
    const { packetBytes, touched } = this;
    return this.instrument('ms', where, (address) => new StatsdTimings(address, 'ms', packetBytes, touched));
  }

  /** Values of any other unit (`|h`, not divided by anything on the way). */
  values(where: string | StatsdAddress): StatsdTimings {
    const { packetBytes, touched } = this;
    return this.instrument('h', where, (address) => new StatsdTimings(address, 'h', packetBytes, touched));
  }

  private instrument<Kind extends StatsdCounter | StatsdGauge | StatsdTimings>(
    type: string,
    where: string | StatsdAddress,
    make: (address: StatsdAddress) => Kind,
  ): Kind {
    const key = typeof where === 'string' ? `${type}:${where}` : `${type}:${where.head}${where.tail}`;
    const existing = this.instruments.get(key);
    if (existing !== undefined) return existing as Kind;
    if (this.instruments.size >= MAX_INSTRUMENTS && where !== OVERFLOW_NAME)
      return this.instrument(type, OVERFLOW_NAME, make);
    const made = make(typeof where === 'string' ? cleanName(where) : where);
    this.instruments.set(key, made);
    return made;
  }

  /** `pull` sets gauges and counters just before every tenth flush. It is fenced. */
  onPull(pull: () => void): void {
    this.pulls.push(pull);
  }

  private readonly touched = (instrument: Instrument): void => {
    this.dirty.push(instrument);
    if (this.timer === undefined) this.start();
  };

  /** Starts the timer, if it is not running. Without it, the first observation does. */
  start(): void {
    if (this.timer !== undefined || this.closed) return;
    // Outside of the request whose observation came first: its context must not live as long as the timer.
    runOutside(() => {
      this.timer = setInterval(() => this.tick(), this.intervalMillis);
      this.timer.unref();
    });
  }

  private tick(): void {
    this.intervals += 1;
    if (this.intervals % PULL_EVERY_INTERVALS === 0) this.pull();
    try {
      const packets = this.flush();
      if (packets.length > 0) this.send(packets);
    } catch (error) {
      reportBug('StatsD sending', error);
    }
  }

  /** Runs the pull callbacks now. */
  pull(): void {
    for (const pull of this.pulls) {
      try {
        pull();
      } catch (error) {
        reportBug('StatsD collector', error);
      }
    }
  }

  /** Takes everything gathered since the last flush, as complete datagrams. */
  flush(): string[] {
    const dirty = this.dirty;
    if (dirty.length === 0) return [];
    this.dirty = [];
    return pack(
      dirty.flatMap((instrument) => instrument.lines()),
      this.packetBytes,
    );
  }

  /** Stops the timer for good. What is gathered stays for a last `flush`. */
  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
