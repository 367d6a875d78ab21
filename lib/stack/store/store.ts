/**
 * What the local stack keeps, behind one interface. Everything above it (ingest, the backends' APIs, the correlation
 * join) speaks to this; what is below may change from one database file to partitions without anyone noticing.
 *
 * The promise of every `append…`: when its promise resolves, the data survives the death of this process.
 */

import type { DependencyLink } from '../query/dependency-linker.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import type { LogPredicate } from '../query/log-predicate.ts';
import type { PromqlAnswer, PromqlBody, PromqlRequest } from '../query/promql/query.ts';
import type { TraceQuery } from '../query/trace-query.ts';

/** One span as it is kept: the columns that are searched, and the wire form (Zipkin v2 JSON) untouched. */
export interface SpanRecord {
  /** 16 or 32 lower-case hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Lower case, as Zipkin keeps it; empty when unknown. */
  readonly service: string;
  /** Lower case; empty when unknown. */
  readonly remoteService: string;
  /** Lower case; empty when unknown. */
  readonly name: string;
  /** Microseconds since the epoch; 0 when unknown. */
  readonly timestamp: number;
  /** Microseconds; 0 when unknown. */
  readonly duration: number;
  readonly error: boolean;
  readonly correlationId: string | undefined;
  /** Zipkin v2 JSON of this span. */
  readonly body: string;
}

/** One log document as it is kept. */
export interface LogRecord {
  /** Data stream or index. */
  readonly stream: string;
  /** `_id`. */
  readonly documentId: string;
  /** `true`: a repeated `_id` is a conflict; `false`: it replaces the document. */
  readonly create: boolean;
  /** Microseconds since the epoch. */
  readonly timestamp: number;
  readonly service: string;
  readonly level: string;
  readonly traceId: string | undefined;
  readonly correlationId: string | undefined;
  /** The document, JSON text as it came. */
  readonly body: string;
}

/** What became of one document of a bulk. */
export interface LogOutcome {
  readonly result: 'created' | 'updated' | 'conflict';
  readonly version: number;
  /** Position in the store; `_seq_no` on the wire. */
  readonly sequence: number;
}

/** Label names and values of one series, `__name__` among them. */
export type Labels = Readonly<Record<string, string>>;

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly exemplar?: Exemplar;
  /** A staleness marker: the series ends here, `value` says nothing. */
  readonly stale?: boolean;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** What one scrape (or one StatsD flush) brings. */
export interface MetricBatch {
  readonly families: readonly MetricFamily[];
  readonly samples: readonly Sample[];
}

export interface LogSearch {
  /** Index patterns, `*` allowed; empty = all. */
  readonly streams: readonly string[];
  readonly predicate: LogPredicate;
  readonly order: 'asc' | 'desc';
  readonly size: number;
  readonly from: number;
}

export interface LogHit {
  readonly stream: string;
  readonly documentId: string;
  readonly timestamp: number;
  readonly sequence: number;
  readonly version: number;
  readonly body: string;
}

export interface LogSearchResult {
  readonly total: number;
  /** `false`: the scan bound was met; `total` is a lower bound. */
  readonly exact: boolean;
  readonly hits: readonly LogHit[];
}

/** Everything known under one correlation or trace ID, each list in order of time. */
export interface CorrelationRows {
  readonly traceIds: readonly string[];
  readonly correlationIds: readonly string[];
  /** Zipkin v2 JSON texts. */
  readonly spans: readonly string[];
  readonly logs: readonly LogHit[];
  readonly exemplars: readonly StoredExemplar[];
  /** A bound cut something. */
  readonly truncated: boolean;
}

export interface StoredExemplar extends Exemplar {
  /** Of the series that the exemplar belongs to. */
  readonly seriesLabels: Labels;
}

/** One line of the list of recent requests. */
export interface RecentRequest {
  readonly traceId: string;
  readonly correlationId: string | undefined;
  /** Zipkin v2 JSON of the span that began it, as far as known. */
  readonly rootSpan: string;
  readonly services: readonly string[];
  /** Microseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMicros: number;
  readonly spans: number;
  readonly errors: number;
  readonly logs: number;
}

export interface StreamFacts {
  readonly stream: string;
  readonly documents: number;
}

export interface StoreStatistics {
  readonly spans: number;
  readonly logs: number;
  readonly series: number;
  readonly samples: number;
  readonly exemplars: number;
  /** Bytes that the data takes. */
  readonly bytes: number;
}

/** A time range, milliseconds since the epoch, both ends included. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

export interface Store {
  /** @throws StoreBusy when the queue is full */
  appendSpans(spans: readonly SpanRecord[]): Promise<void>;
  /** Outcomes in the order of the documents. @throws StoreBusy when the queue is full */
  appendLogs(logs: readonly LogRecord[]): Promise<LogOutcome[]>;
  /** @throws StoreBusy when the queue is full */
  appendMetrics(batch: MetricBatch): Promise<void>;

  /** Zipkin v2 JSON texts of one trace; empty when unknown. */
  trace(traceId: string): Promise<string[]>;
  /** Traces that match, newest first, each a list of Zipkin v2 JSON texts. */
  traces(query: TraceQuery): Promise<string[][]>;
  services(): Promise<string[]>;
  spanNames(service: string): Promise<string[]>;
  remoteServices(service: string): Promise<string[]>;
  /** Values that a tag has in the newest spans, sorted. */
  tagValues(key: string): Promise<string[]>;
  /** Calls between services over all traces with a span in the range. */
  dependencies(range: TimeRange): Promise<DependencyLink[]>;

  searchLogs(search: LogSearch): Promise<LogSearchResult>;
  /** Streams that hold documents, sorted by name. */
  streams(): Promise<StreamFacts[]>;

  /** Evaluates a PromQL query over the samples. What is wrong with the query is in the answer. */
  promql(request: PromqlRequest): Promise<PromqlAnswer>;
  /** The same as the JSON of Prometheus's HTTP API. */
  promqlBody(request: PromqlRequest): Promise<PromqlBody>;
  /** Series that match any of the sets (no set: every series) and have a sample in the range. */
  series(matcherSets: readonly (readonly LabelMatcher[])[], range: TimeRange): Promise<Labels[]>;
  exemplars(matchers: readonly LabelMatcher[], range: TimeRange): Promise<StoredExemplar[]>;
  families(): Promise<MetricFamily[]>;

  /** @returns undefined when nothing is known under this ID */
  correlate(id: string): Promise<CorrelationRows | undefined>;
  recent(limit: number): Promise<RecentRequest[]>;
  statistics(): Promise<StoreStatistics>;

  /** Applies the age and byte bounds now. */
  prune(): Promise<void>;
  /** Writes out what was accepted and closes. Idempotent. */
  close(): Promise<void>;
}

/** The queue in front of the store is full: answer 429 or 503 with Retry-After. */
export class StoreBusy extends Error {
  override readonly name = 'StoreBusy';
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds = 1;
}

/** A query ran over its time: it was stopped, nothing is known about its result. */
export class QueryTimeout extends Error {
  override readonly name = 'QueryTimeout';
}
