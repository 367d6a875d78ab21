import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LogTable } from './log-table.ts';
import type { MetricTables } from './metric-tables.ts';
import type { CorrelationRows } from './store.ts';

/** Traces under one correlation ID that are joined; a job that hands one ID to everything must not fill the memory. */
const MAX_TRACES = 200;
const MAX_SPANS = 10_000;
const MAX_LOGS = 10_000;
const MAX_EXEMPLARS = 1000;

/** Finds everything that carries one correlation ID or belongs to one trace. */
export class CorrelationLookup {
  readonly #logs: LogTable;
  readonly #metrics: MetricTables;
  readonly #database: DatabaseSync;
  readonly #tracesOf: StatementSync;
  readonly #knowsTrace: StatementSync;

  constructor(database: DatabaseSync, logs: LogTable, metrics: MetricTables) {
    this.#database = database;
    this.#logs = logs;
    this.#metrics = metrics;
    this.#tracesOf = database.prepare(
      `SELECT trace_id AS traceId FROM spans WHERE correlation_id = ?
       UNION SELECT trace_id FROM logs WHERE correlation_id = ? AND trace_id IS NOT NULL LIMIT ${MAX_TRACES + 1}`,
    );
    this.#knowsTrace = database.prepare(
      'SELECT EXISTS (SELECT 1 FROM spans WHERE trace_id = ?) OR EXISTS (SELECT 1 FROM logs WHERE trace_id = ?) OR EXISTS (SELECT 1 FROM exemplars WHERE trace_id = ?) AS known',
    );
  }

  correlate(id: string): CorrelationRows | undefined {
    const traceIds = this.#tracesOf.all(id, id).map((row) => row['traceId'] as string);
    let truncated = traceIds.length > MAX_TRACES;
    if (truncated) traceIds.length = MAX_TRACES;
    const asTrace = id.toLowerCase();
    if (
      /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(asTrace) &&
      !traceIds.includes(asTrace) &&
      this.#knowsTrace.get(asTrace, asTrace, asTrace)!['known'] === 1
    ) {
      traceIds.unshift(asTrace);
    }
    const marks = traceIds.map(() => '?').join(',');
    const spans = this.#database
      .prepare(
        `SELECT body, correlation_id AS correlationId FROM spans WHERE trace_id IN (${marks}) ORDER BY ts, id LIMIT ${MAX_SPANS + 1}`,
      )
      .all(...traceIds);
    const logs = this.#logs.ofRequest(id, traceIds, MAX_LOGS + 1);
    if (spans.length === 0 && logs.length === 0 && traceIds.length === 0) return undefined;
    truncated ||= spans.length > MAX_SPANS || logs.length > MAX_LOGS;
    const correlationIds = new Set(
      spans.map((row) => row['correlationId'] as string | null).filter((value) => value !== null),
    );
    return {
      traceIds,
      correlationIds: [...correlationIds],
      spans: spans.slice(0, MAX_SPANS).map((row) => row['body'] as string),
      logs: logs.slice(0, MAX_LOGS),
      exemplars: this.#metrics.exemplarsOfTraces(traceIds, MAX_EXEMPLARS),
      truncated,
    };
  }
}
