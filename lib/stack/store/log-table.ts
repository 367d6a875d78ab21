import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { JsonValue } from '../query/document-fields.ts';
import { type LogPredicate, matchesPredicate } from '../query/log-predicate.ts';
import type { LogHit, LogOutcome, LogRecord, LogSearch, LogSearchResult, StreamFacts } from './store.ts';

/** Documents read for one search whose conditions no index answers; beyond, the answer says that it is a lower bound. */
const MAX_SCANNED = 200_000;

const COLUMNS = 'id AS sequence, stream, document_id AS documentId, version, ts AS timestamp, body';

/** Fields that are columns; a condition on one of them is left to SQL. */
const COLUMN_OF: Readonly<Record<string, string>> = { 'trace.id': 'trace_id', 'correlation.id': 'correlation_id' };

interface Plan {
  readonly where: string[];
  readonly values: SQLInputValue[];
  /** What SQL could not decide; undefined = nothing. */
  readonly residual: LogPredicate | undefined;
}

export class LogTable {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #streams: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#find = database.prepare('SELECT id, version FROM logs WHERE stream = ? AND document_id = ?');
    this.#insert = database.prepare(
      'INSERT INTO logs (received, stream, document_id, version, ts, service, level, trace_id, correlation_id, body) VALUES (?,?,?,?,?,?,?,?,?,?)',
    );
    this.#remove = database.prepare('DELETE FROM logs WHERE id = ?');
    this.#streams = database.prepare('SELECT stream, count(*) AS documents FROM logs GROUP BY stream ORDER BY stream');
  }

  append(logs: readonly LogRecord[], receivedMillis: number): LogOutcome[] {
    return logs.map((log) => this.#appendOne(log, receivedMillis));
  }

  #appendOne(log: LogRecord, receivedMillis: number): LogOutcome {
    const existing = this.#find.get(log.stream, log.documentId);
    let version = 1;
    if (existing !== undefined) {
      version = existing['version'] as number;
      if (log.create) return { result: 'conflict', version, sequence: existing['id'] as number };
      version += 1;
      this.#remove.run(existing['id'] as number);
    }
    const { lastInsertRowid } = this.#insert.run(
      receivedMillis,
      log.stream,
      log.documentId,
      version,
      log.timestamp,
      log.service,
      log.level,
      log.traceId ?? null,
      log.correlationId ?? null,
      log.body,
    );
    return { result: existing === undefined ? 'created' : 'updated', version, sequence: Number(lastInsertRowid) };
  }

  search(search: LogSearch): LogSearchResult {
    const plan = planSearch(search);
    const where = plan.where.length === 0 ? '' : `WHERE ${plan.where.join(' AND ')}`;
    const direction = search.order === 'asc' ? 'ASC' : 'DESC';
    const order = `ORDER BY ts ${direction}, id ${direction}`;
    if (plan.residual === undefined) {
      const total = Number(this.#database.prepare(`SELECT count(*) AS n FROM logs ${where}`).get(...plan.values)!['n']);
      const rows = this.#database
        .prepare(`SELECT ${COLUMNS} FROM logs ${where} ${order} LIMIT ? OFFSET ?`)
        .all(...plan.values, search.size, search.from);
      return { total, exact: true, hits: rows as unknown as LogHit[] };
    }
    const hits: LogHit[] = [];
    let total = 0;
    let scanned = 0;
    for (const row of this.#database.prepare(`SELECT ${COLUMNS} FROM logs ${where} ${order}`).iterate(...plan.values)) {
      if (scanned === MAX_SCANNED) return { total, exact: false, hits };
      scanned += 1;
      const hit = row as unknown as LogHit;
      if (!matchesPredicate(plan.residual, JSON.parse(hit.body) as JsonValue, hit)) continue;
      total += 1;
      if (total > search.from && hits.length < search.size) hits.push({ ...hit });
    }
    return { total, exact: true, hits };
  }

  /** Lines of one request: by its correlation ID or any of its traces, in order of time, at most `limit`. */
  ofRequest(correlationId: string, traceIds: readonly string[], limit: number): LogHit[] {
    const marks = traceIds.map(() => '?').join(',');
    return this.#database
      .prepare(
        `SELECT ${COLUMNS} FROM logs WHERE id IN (
           SELECT id FROM logs WHERE correlation_id = ? UNION SELECT id FROM logs WHERE trace_id IN (${marks})
         ) ORDER BY ts, id LIMIT ?`,
      )
      .all(correlationId, ...traceIds, limit) as unknown as LogHit[];
  }

  streams(): StreamFacts[] {
    return this.#streams.all().map((row) => ({ stream: row['stream'] as string, documents: Number(row['documents']) }));
  }
}

function planSearch(search: LogSearch): Plan {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const patterns = search.streams.filter((pattern) => pattern !== '*' && pattern !== '_all');
  if (patterns.length > 0 && patterns.length === search.streams.length) {
    where.push(`(${patterns.map(() => 'stream GLOB ?').join(' OR ')})`);
    values.push(...patterns);
  }
  const residual: LogPredicate[] = [];
  for (const part of conjuncts(search.predicate)) if (!pushDown(part, where, values)) residual.push(part);
  return { where, values, residual: residual.length === 0 ? undefined : { kind: 'and', of: residual } };
}

function conjuncts(predicate: LogPredicate): readonly LogPredicate[] {
  if (predicate.kind === 'all') return [];
  return predicate.kind === 'and' ? predicate.of.flatMap(conjuncts) : [predicate];
}

function pushDown(predicate: LogPredicate, where: string[], values: SQLInputValue[]): boolean {
  if (predicate.kind === 'equals' && COLUMN_OF[predicate.field] !== undefined) {
    where.push(`${COLUMN_OF[predicate.field]} = ?`);
    values.push(predicate.value);
    return true;
  }
  if (predicate.kind === 'range' && predicate.field === '@timestamp') {
    for (const [bound, operator] of [
      ['gt', '>'],
      ['gte', '>='],
      ['lt', '<'],
      ['lte', '<='],
    ] as const) {
      const value = predicate[bound];
      if (value === undefined) continue;
      where.push(`ts ${operator} ?`);
      values.push(value);
    }
    return true;
  }
  return false;
}
