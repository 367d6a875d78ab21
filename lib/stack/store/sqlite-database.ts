import type { DatabaseSync } from 'node:sqlite';
import type { DependencyLink } from '../query/dependency-linker.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import {
  type PromqlAnswer,
  type PromqlBody,
  type PromqlRequest,
  runPromql,
  runPromqlBody,
} from '../query/promql/query.ts';
import type { TraceQuery } from '../query/trace-query.ts';
import { CorrelationLookup } from './correlation-lookup.ts';
import { loadSqlite } from './load-sqlite.ts';
import { LogTable } from './log-table.ts';
import { MetricTables } from './metric-tables.ts';
import { Retention, type RetentionBounds } from './retention.ts';
import { prepareDatabase } from './schema.ts';
import { SpanTable } from './span-table.ts';
import type * as kept from './store.ts';

export interface DatabaseOptions extends RetentionBounds {
  /** File, or `:memory:`. */
  readonly path: string;
}

/** The SQLite form of the store: synchronous, so it lives in a worker thread (`sqlite-worker.ts`). */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #spans: SpanTable;
  readonly #logs: LogTable;
  readonly #metrics: MetricTables;
  readonly #lookup: CorrelationLookup;
  readonly #retention: Retention;

  /** @throws Error when the file cannot be opened or is of a newer version */
  constructor(options: DatabaseOptions) {
    const { DatabaseSync } = loadSqlite();
    this.#database = new DatabaseSync(options.path);
    try {
      prepareDatabase(this.#database);
      this.#spans = new SpanTable(this.#database);
      this.#logs = new LogTable(this.#database);
      this.#metrics = new MetricTables(this.#database);
      this.#lookup = new CorrelationLookup(this.#database, this.#logs, this.#metrics);
      this.#retention = new Retention(this.#database, options);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Runs writes in one transaction. A write that throws is undone alone; if the commit throws, none happened. */
  transaction(body: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      body();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#metrics.forget();
      throw error;
    }
  }

  /** Runs one write of a transaction so that its failure leaves the others alone. */
  savepoint<Result>(body: () => Result): Result {
    this.#database.exec('SAVEPOINT one');
    try {
      const result = body();
      this.#database.exec('RELEASE one');
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK TO one; RELEASE one');
      this.#metrics.forget();
      throw error;
    }
  }

  appendSpans(spans: readonly kept.SpanRecord[], receivedMillis: number): void {
    this.#spans.append(spans, receivedMillis);
  }

  appendLogs(logs: readonly kept.LogRecord[], receivedMillis: number): kept.LogOutcome[] {
    return this.#logs.append(logs, receivedMillis);
  }

  appendMetrics(batch: kept.MetricBatch, receivedMillis: number): void {
    this.#metrics.append(batch, receivedMillis);
  }

  prune(nowMillis: number): void {
    if (this.#retention.apply(nowMillis)) this.#metrics.forget();
  }

  trace(traceId: string): string[] {
    return this.#spans.trace(traceId);
  }

  traces(query: TraceQuery): string[][] {
    return this.#spans.traces(query);
  }

  services(): string[] {
    return this.#spans.services();
  }

  spanNames(service: string): string[] {
    return this.#spans.spanNames(service);
  }

  remoteServices(service: string): string[] {
    return this.#spans.remoteServices(service);
  }

  tagValues(key: string): string[] {
    return this.#spans.tagValues(key);
  }

  dependencies(range: kept.TimeRange): DependencyLink[] {
    return this.#spans.dependencies(range);
  }

  searchLogs(search: kept.LogSearch): kept.LogSearchResult {
    return this.#logs.search(search);
  }

  streams(): kept.StreamFacts[] {
    return this.#logs.streams();
  }

  promql(request: PromqlRequest): PromqlAnswer {
    return runPromql(request, this.#metrics);
  }

  promqlBody(request: PromqlRequest): PromqlBody {
    return runPromqlBody(request, this.#metrics);
  }

  series(matcherSets: readonly (readonly LabelMatcher[])[], range: kept.TimeRange): kept.Labels[] {
    return this.#metrics.series(matcherSets, range);
  }

  exemplars(matchers: readonly LabelMatcher[], range: kept.TimeRange): kept.StoredExemplar[] {
    return this.#metrics.exemplars(matchers, range);
  }

  families(): kept.MetricFamily[] {
    return this.#metrics.families();
  }

  correlate(id: string): kept.CorrelationRows | undefined {
    return this.#lookup.correlate(id);
  }

  recent(limit: number): kept.RecentRequest[] {
    return this.#spans.recent(limit);
  }

  statistics(): kept.StoreStatistics {
    const row = this.#database
      .prepare(
        'SELECT (SELECT count(*) FROM spans) AS spans, (SELECT count(*) FROM logs) AS logs, (SELECT count(*) FROM series) AS series, (SELECT count(*) FROM samples) AS samples, (SELECT count(*) FROM exemplars) AS exemplars',
      )
      .get()!;
    return { ...(row as unknown as Omit<kept.StoreStatistics, 'bytes'>), bytes: this.#retention.usedBytes() };
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
