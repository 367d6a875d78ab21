import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type DependencyLink, DependencyLinker } from '../query/dependency-linker.ts';
import { type TraceQuery, traceMatches } from '../query/trace-query.ts';
import { withLowerNames, type ZipkinSpan } from '../zipkin-span.ts';
import type { RecentRequest, SpanRecord, TimeRange } from './store.ts';

/** Spans of one trace that are given out; a trace that never ends must not fill the memory. */
export const MAX_TRACE_SPANS = 10_000;
/** Traces looked at for one search before it gives up with what it has. */
const MAX_TRACES_TESTED = 10_000;
/** First spans of a trace that are read for its line in the list of recent requests. */
const SUMMARY_SPANS = 200;
/** Newest spans among which the recent requests are found. */
const RECENT_SPANS = 5000;
/** Newest spans with a tag among which its values are found, and values that are given out. */
const TAGGED_SPANS = 20_000;
const MAX_TAG_VALUES = 1000;
/** How far around a range the spans of its traces are looked for that have the other length of ID. */
const LONGEST_TRACE_MICROS = 3_600_000_000;
/** Hex digits of the part of a trace ID that tracers of 64 bits keep of one with 128. */
const LOW_DIGITS = 16;

/* Only `?` stands for a parameter here: Node before 22.17 does not bind `?1` by position. */

/** One distinct value after another out of an index, without reading it whole (SQLite documentation, recursive CTE). */
function looseScan(column: string, where: string): string {
  return `WITH RECURSIVE found(v) AS (
    SELECT min(${column}) FROM spans WHERE ${column} > '' ${where}
    UNION ALL SELECT (SELECT min(${column}) FROM spans WHERE ${column} > v ${where}) FROM found WHERE v IS NOT NULL
  ) SELECT v FROM found WHERE v IS NOT NULL`;
}

export class SpanTable {
  readonly #insert: StatementSync;
  readonly #trace: StatementSync;
  readonly #window: StatementSync;
  readonly #services: StatementSync;
  readonly #names: StatementSync;
  readonly #remotes: StatementSync;
  readonly #recent: StatementSync;
  readonly #logCount: StatementSync;
  readonly #facts: StatementSync;
  readonly #beginning: StatementSync;
  readonly #tagged: StatementSync;
  readonly #tracesBetween: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      'INSERT OR IGNORE INTO spans (received, trace_id, span_id, digest, service, remote, name, ts, duration, error, correlation_id, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)',
    );
    this.#trace = database.prepare(
      `SELECT body FROM spans WHERE trace_id = ? ORDER BY ts, id LIMIT ${MAX_TRACE_SPANS}`,
    );
    this.#window = database.prepare('SELECT trace_id AS traceId FROM spans WHERE ts BETWEEN ? AND ? ORDER BY ts DESC');
    this.#services = database.prepare(looseScan('service', ''));
    this.#names = database.prepare(looseScan('name', 'AND service = ?'));
    this.#remotes = database.prepare(looseScan('remote', 'AND service = ?'));
    this.#recent = database.prepare('SELECT trace_id AS traceId FROM spans ORDER BY ts DESC LIMIT ?');
    this.#facts = database.prepare(
      'SELECT count(*) AS spans, sum(error) AS errors, min(nullif(ts, 0)) AS startedAt, max(ts + duration) AS endedAt, max(correlation_id) AS correlationId FROM spans WHERE trace_id = ?',
    );
    this.#beginning = database.prepare(
      `SELECT body FROM spans WHERE trace_id = ? ORDER BY ts, id LIMIT ${SUMMARY_SPANS}`,
    );
    this.#tagged = database.prepare(
      `SELECT body FROM spans WHERE instr(body, ?) > 0 ORDER BY id DESC LIMIT ${TAGGED_SPANS}`,
    );
    this.#tracesBetween = database.prepare(
      'SELECT trace_id AS traceId, max(ts BETWEEN ? AND ?) AS inside, max(ts) AS latest FROM spans WHERE ts BETWEEN ? AND ? GROUP BY trace_id ORDER BY latest DESC',
    );
    this.#logCount = database.prepare('SELECT count(*) AS n FROM logs WHERE trace_id = ?');
  }

  append(spans: readonly SpanRecord[], receivedMillis: number): void {
    for (const span of spans) {
      this.#insert.run(
        receivedMillis,
        span.traceId,
        span.spanId,
        hash('sha1', span.body).slice(0, 20),
        span.service,
        span.remoteService,
        span.name,
        span.timestamp,
        span.duration,
        span.error ? 1 : 0,
        span.correlationId ?? null,
        span.body,
      );
    }
  }

  trace(traceId: string): string[] {
    return this.#trace.all(traceId).map((row) => row['body'] as string);
  }

  traces(query: TraceQuery): string[][] {
    const found: string[][] = [];
    const tested = new Set<string>();
    for (const row of this.#window.iterate((query.endTs - query.lookback) * 1000, query.endTs * 1000)) {
      const traceId = row['traceId'] as string;
      if (tested.has(traceId)) continue;
      tested.add(traceId);
      const bodies = this.trace(traceId);
      if (
        traceMatches(
          bodies.map((body) => JSON.parse(body) as ZipkinSpan),
          query,
        )
      )
        found.push(bodies);
      if (found.length >= query.limit || tested.size >= MAX_TRACES_TESTED) break;
    }
    return found;
  }

  services(): string[] {
    return this.#services.all().map((row) => row['v'] as string);
  }

  spanNames(service: string): string[] {
    return this.#names.all(service.toLowerCase(), service.toLowerCase()).map((row) => row['v'] as string);
  }

  remoteServices(service: string): string[] {
    return this.#remotes.all(service.toLowerCase(), service.toLowerCase()).map((row) => row['v'] as string);
  }

  tagValues(key: string): string[] {
    const values = new Set<string>();
    for (const row of this.#tagged.iterate(`${JSON.stringify(key)}:`)) {
      const { tags = {} } = JSON.parse(row['body'] as string) as ZipkinSpan;
      if (Object.hasOwn(tags, key)) values.add(tags[key]!);
      if (values.size >= MAX_TAG_VALUES) break;
    }
    return [...values].sort();
  }

  /** As Zipkin does it, traces whose IDs are equal in their lower 64 bits are one: else calls would count twice. */
  dependencies({ start, end }: TimeRange): DependencyLink[] {
    const [from, to] = [start * 1000, end * 1000 + 999];
    const byLowId = new Map<string, { traceIds: string[]; inside: boolean }>();
    for (const row of this.#tracesBetween.iterate(from, to, from - LONGEST_TRACE_MICROS, to + LONGEST_TRACE_MICROS)) {
      const traceId = row['traceId'] as string;
      const low = traceId.slice(-LOW_DIGITS);
      const known = byLowId.get(low);
      byLowId.set(low, {
        traceIds: [...(known?.traceIds ?? []), traceId],
        inside: row['inside'] === 1 || known?.inside === true,
      });
    }
    const linker = new DependencyLinker();
    for (const { traceIds, inside } of byLowId.values()) {
      if (!inside) continue;
      linker.putTrace(
        traceIds
          .flatMap((traceId) => this.trace(traceId))
          .map((body) => withLowerNames(JSON.parse(body) as ZipkinSpan))
          .sort((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0)),
      );
    }
    return linker.links();
  }

  recent(limit: number): RecentRequest[] {
    const traceIds = new Set<string>();
    for (const row of this.#recent.iterate(RECENT_SPANS)) {
      traceIds.add(row['traceId'] as string);
      if (traceIds.size >= limit) break;
    }
    return [...traceIds].map((traceId) => this.#summary(traceId)).sort((one, other) => other.startedAt - one.startedAt);
  }

  #summary(traceId: string): RecentRequest {
    const facts = this.#facts.get(traceId)!;
    const bodies = this.#beginning.all(traceId).map((row) => row['body'] as string);
    const spans = bodies.map((body) => JSON.parse(body) as ZipkinSpan);
    const present = new Set(spans.map((span) => span.id));
    const root = spans.findIndex((span) => span.parentId === undefined || !present.has(span.parentId));
    const services = new Set(spans.map((span) => span.localEndpoint?.serviceName ?? '').filter((name) => name !== ''));
    const startedAt = (facts['startedAt'] as number | null) ?? 0;
    return {
      traceId,
      correlationId: (facts['correlationId'] as string | null) ?? undefined,
      rootSpan: bodies[Math.max(0, root)]!,
      services: [...services],
      startedAt,
      durationMicros: startedAt === 0 ? 0 : (facts['endedAt'] as number) - startedAt,
      spans: Number(facts['spans']),
      errors: Number(facts['errors']),
      logs: Number(this.#logCount.get(traceId)!['n']),
    };
  }
}
