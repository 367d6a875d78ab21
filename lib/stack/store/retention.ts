import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { WAL_LIMIT_BYTES } from './schema.ts';

/** Rows deleted in one statement: about 20 ms, so that what waits to be written does not wait long. */
const CHUNK_ROWS = 5000;
/** Share of the kept time that goes when the byte bound is met; a smaller one would run too often. */
const SHARE = 0.1;
/** What is younger is never given up for the byte bound. */
const YOUNGEST_MILLIS = 1000;
/** Free pages handed back to the file system at once. */
const VACUUM_PAGES = 4096;

export interface RetentionBounds {
  readonly maxAgeMillis: number;
  /** Of the database with its write-ahead log. */
  readonly maxBytes: number;
}

/** Keeps the database within its bounds of age and bytes: the oldest of every kind goes first, by time of arrival. */
export class Retention {
  readonly #database: DatabaseSync;
  readonly #bounds: RetentionBounds;
  readonly #pages: StatementSync;
  readonly #oldest: StatementSync;
  readonly #deletions: StatementSync[];
  readonly #seriesIds: StatementSync;
  readonly #deleteSamples: StatementSync;

  constructor(database: DatabaseSync, bounds: RetentionBounds) {
    this.#database = database;
    this.#bounds = bounds;
    this.#pages = database.prepare(
      'SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count) AS used, (SELECT page_size FROM pragma_page_size) AS size',
    );
    this.#oldest = database.prepare(
      `SELECT min(t) AS oldest FROM (
        SELECT (SELECT received FROM spans ORDER BY id LIMIT 1) AS t UNION ALL
        SELECT (SELECT received FROM logs ORDER BY id LIMIT 1) UNION ALL
        SELECT (SELECT received FROM exemplars ORDER BY id LIMIT 1) UNION ALL
        SELECT min(first) FROM (SELECT (SELECT ts FROM samples WHERE series = s.id ORDER BY ts LIMIT 1) AS first FROM series s))`,
    );
    this.#deletions = ['spans', 'logs', 'exemplars'].map((table) =>
      database.prepare(
        `DELETE FROM ${table} WHERE received < ? AND id IN (SELECT id FROM ${table} ORDER BY id LIMIT ${CHUNK_ROWS})`,
      ),
    );
    this.#seriesIds = database.prepare('SELECT id FROM series');
    this.#deleteSamples = database.prepare('DELETE FROM samples WHERE series = ? AND ts < ?');
  }

  /** Bytes that the rows take; free pages of the file do not count, they are written again. */
  usedBytes(): number {
    const row = this.#pages.get()!;
    return Number(row['used']) * Number(row['size']);
  }

  /** @returns whether anything was deleted */
  apply(nowMillis: number): boolean {
    let deleted = this.#deleteBefore(nowMillis - this.#bounds.maxAgeMillis);
    const target = Math.max(this.#bounds.maxBytes / 2, this.#bounds.maxBytes - WAL_LIMIT_BYTES);
    while (this.usedBytes() > target) {
      const oldest = this.#oldest.get()!['oldest'] as number | null;
      if (oldest === null || oldest >= nowMillis - YOUNGEST_MILLIS) break;
      deleted = this.#deleteBefore(Math.ceil(oldest + Math.max(1, (nowMillis - oldest) * SHARE))) || deleted;
    }
    if (deleted) this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    return deleted;
  }

  #deleteBefore(cutoffMillis: number): boolean {
    let deleted = 0;
    for (const deletion of this.#deletions) {
      let changes: number;
      do {
        changes = Number(deletion.run(cutoffMillis).changes);
        deleted += changes;
      } while (changes === CHUNK_ROWS);
    }
    for (const row of this.#seriesIds.all())
      deleted += Number(this.#deleteSamples.run(row['id'] as number, cutoffMillis).changes);
    if (deleted > 0) {
      this.#database.exec(
        'DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE series = series.id) AND NOT EXISTS (SELECT 1 FROM exemplars WHERE exemplars.series = series.id)',
      );
    }
    return deleted > 0;
  }
}
