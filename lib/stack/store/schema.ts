import type { DatabaseSync } from 'node:sqlite';

/** Raised with every change of the tables below. A file of a newer version is left alone. */
export const SCHEMA_VERSION = 1;

/** Pages of the write-ahead log after which it is folded into the database: 16 MiB at 4 KiB a page. */
const CHECKPOINT_PAGES = 4096;
/** What the write-ahead log file is cut to after a checkpoint. */
export const WAL_LIMIT_BYTES = 16 * 1024 ** 2;
/** How long a connection waits for another one's lock. Only a checkpoint holds one. */
const BUSY_MILLIS = 5000;

/*
 * Row IDs grow with arrival, so "oldest first" and age are read from them without another index. `received` is
 * milliseconds; `ts` is microseconds for spans and logs and milliseconds for samples and exemplars, as on their wires.
 * A record that was sent twice is kept once: spans by digest, log documents by `_id`, exemplars by content (one without a
 * time of its own is seen again in every scrape).
 */
const TABLES = `
CREATE TABLE spans (
  id INTEGER PRIMARY KEY, received INTEGER NOT NULL, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, digest TEXT NOT NULL,
  service TEXT NOT NULL, remote TEXT NOT NULL, name TEXT NOT NULL, ts INTEGER NOT NULL, duration INTEGER NOT NULL,
  error INTEGER NOT NULL, correlation_id TEXT, body TEXT NOT NULL
);
CREATE UNIQUE INDEX spans_once ON spans (trace_id, span_id, digest);
CREATE INDEX spans_ts ON spans (ts);
CREATE INDEX spans_correlation ON spans (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX spans_names ON spans (service, name);
CREATE INDEX spans_remotes ON spans (service, remote);
CREATE TABLE logs (
  id INTEGER PRIMARY KEY, received INTEGER NOT NULL, stream TEXT NOT NULL, document_id TEXT NOT NULL, version INTEGER NOT NULL,
  ts INTEGER NOT NULL, service TEXT NOT NULL, level TEXT NOT NULL, trace_id TEXT, correlation_id TEXT, body TEXT NOT NULL
);
CREATE UNIQUE INDEX logs_once ON logs (stream, document_id);
CREATE INDEX logs_ts ON logs (ts);
CREATE INDEX logs_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_correlation ON logs (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE TABLE families (name TEXT PRIMARY KEY, type TEXT NOT NULL, help TEXT NOT NULL, unit TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL UNIQUE);
CREATE INDEX series_name ON series (name);
CREATE TABLE samples (series INTEGER NOT NULL, ts INTEGER NOT NULL, value REAL, PRIMARY KEY (series, ts)) WITHOUT ROWID;
CREATE TABLE exemplars (
  id INTEGER PRIMARY KEY, received INTEGER NOT NULL, series INTEGER NOT NULL, ts INTEGER NOT NULL, value REAL,
  trace_id TEXT, labels TEXT NOT NULL
);
CREATE UNIQUE INDEX exemplars_once ON exemplars (series, labels, value);
CREATE INDEX exemplars_trace ON exemplars (trace_id) WHERE trace_id IS NOT NULL;
`;

/**
 * Sets the connection up and makes the tables.
 *
 * @throws Error when the file was written by a newer version
 */
export function prepareDatabase(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_MILLIS}`);
  const version = Number(database.prepare('PRAGMA user_version').get()!['user_version']);
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `got a data directory of a newer version (schema ${version}), wanted schema ${SCHEMA_VERSION} or older`,
    );
  }
  // Before the first table, else it needs a VACUUM.
  if (version === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // NORMAL with a write-ahead log: a commit survives the death of the process; only a power cut may take the last ones.
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`,
  );
  if (version === 0) database.exec(`BEGIN; ${TABLES} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}
