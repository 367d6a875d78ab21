import { Worker } from 'node:worker_threads';
import type { DependencyLink } from '../query/dependency-linker.ts';
import type { LabelMatcher } from '../query/label-matcher.ts';
import type { PromqlAnswer, PromqlBody, PromqlRequest } from '../query/promql/query.ts';
import type { TraceQuery } from '../query/trace-query.ts';
import * as kept from './store.ts';
import { WorkerClient } from './worker-client.ts';

/** Bytes that wait for the writer; beyond, senders are told to come back. */
const MAX_QUEUED_BYTES = 64 * 1024 ** 2;
/** A record's size on the queue beside its body. */
const RECORD_OVERHEAD_BYTES = 256;
/** Longest time of one query; then its thread is ended and a new one takes its place. */
const QUERY_MILLIS = 20_000;
/** How often the bounds of age and bytes are applied. */
const PRUNE_MILLIS = 30_000;
/** Bytes taken in after which the byte bound is applied without waiting for the clock. */
const PRUNE_BYTES = 16 * 1024 ** 2;

export interface SqliteStoreOptions {
  /** File of the database; undefined = in memory, gone with the process. */
  readonly path: string | undefined;
  readonly maxAgeMillis: number;
  readonly maxBytes: number;
  /** Milliseconds since the epoch; a parameter for tests. */
  readonly now?: () => number;
  /** Default 64 MiB; a parameter for tests. */
  readonly maxQueuedBytes?: number;
  /** Default 20 s; a parameter for tests. */
  readonly queryMillis?: number;
}

/** A `Store` on `node:sqlite` in worker threads: one that writes, one that reads (in memory: one for both). */
export class SqliteStore implements kept.Store {
  readonly #writer: WorkerClient;
  readonly #reader: WorkerClient;
  readonly #now: () => number;
  readonly #maxQueuedBytes: number;
  readonly #timer: NodeJS.Timeout;
  #queuedBytes = 0;
  #sincePrune = 0;
  #closing: Promise<void> | undefined;

  private constructor(clients: { writer: WorkerClient; reader: WorkerClient }, options: SqliteStoreOptions) {
    this.#writer = clients.writer;
    this.#reader = clients.reader;
    this.#now = options.now ?? Date.now;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.#timer = setInterval(() => void this.prune().catch(() => {}), PRUNE_MILLIS);
    this.#timer.unref();
  }

  /** @throws Error when the database cannot be opened: why, in one sentence */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    const database = {
      path: options.path ?? ':memory:',
      maxAgeMillis: options.maxAgeMillis,
      maxBytes: options.maxBytes,
    };
    const start = () =>
      new Worker(workerUrl(), {
        workerData: { database },
        execArgv: [],
        env: withoutNodeOptions(process.env),
        name: 'sightline-store',
      });
    const writer = new WorkerClient(start);
    await writer.opened();
    if (options.path === undefined) return new SqliteStore({ writer, reader: writer }, options);
    const reader = new WorkerClient(start, options.queryMillis ?? QUERY_MILLIS);
    try {
      await reader.opened();
    } catch (error) {
      await writer.close();
      throw error;
    }
    return new SqliteStore({ writer, reader }, options);
  }

  appendSpans(spans: readonly kept.SpanRecord[]): Promise<void> {
    return this.#write(sizeOf(spans), () => this.#writer.call('appendSpans', spans, this.#now()));
  }

  appendLogs(logs: readonly kept.LogRecord[]): Promise<kept.LogOutcome[]> {
    return this.#write(sizeOf(logs), () => this.#writer.call('appendLogs', logs, this.#now()));
  }

  appendMetrics(batch: kept.MetricBatch): Promise<void> {
    return this.#write(batch.samples.length * RECORD_OVERHEAD_BYTES, () =>
      this.#writer.call('appendMetrics', batch, this.#now()),
    );
  }

  async #write<Result>(bytes: number, send: () => Promise<Result>): Promise<Result> {
    // One request may be larger than the whole queue when the queue is empty, else it could never be taken.
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#maxQueuedBytes)
      throw new kept.StoreBusy('the queue of the store is full');
    this.#queuedBytes += bytes;
    try {
      return await send();
    } finally {
      this.#queuedBytes -= bytes;
      this.#sincePrune += bytes;
      if (this.#sincePrune > PRUNE_BYTES) this.prune().catch(() => {});
    }
  }

  async prune(): Promise<void> {
    this.#sincePrune = 0;
    await this.#writer.call('prune', this.#now());
  }

  trace(traceId: string): Promise<string[]> {
    return this.#reader.call('trace', traceId);
  }

  traces(query: TraceQuery): Promise<string[][]> {
    return this.#reader.call('traces', query);
  }

  services(): Promise<string[]> {
    return this.#reader.call('services');
  }

  spanNames(service: string): Promise<string[]> {
    return this.#reader.call('spanNames', service);
  }

  remoteServices(service: string): Promise<string[]> {
    return this.#reader.call('remoteServices', service);
  }

  tagValues(key: string): Promise<string[]> {
    return this.#reader.call('tagValues', key);
  }

  dependencies(range: kept.TimeRange): Promise<DependencyLink[]> {
    return this.#reader.call('dependencies', range);
  }

  searchLogs(search: kept.LogSearch): Promise<kept.LogSearchResult> {
    return this.#reader.call('searchLogs', search);
  }

  streams(): Promise<kept.StreamFacts[]> {
    return this.#reader.call('streams');
  }

  promql(request: PromqlRequest): Promise<PromqlAnswer> {
    return this.#reader.call('promql', request);
  }

  promqlBody(request: PromqlRequest): Promise<PromqlBody> {
    return this.#reader.call('promqlBody', request);
  }

  series(matcherSets: readonly (readonly LabelMatcher[])[], range: kept.TimeRange): Promise<kept.Labels[]> {
    return this.#reader.call('series', matcherSets, range);
  }

  exemplars(matchers: readonly LabelMatcher[], range: kept.TimeRange): Promise<kept.StoredExemplar[]> {
    return this.#reader.call('exemplars', matchers, range);
  }

  families(): Promise<kept.MetricFamily[]> {
    return this.#reader.call('families');
  }

  correlate(id: string): Promise<kept.CorrelationRows | undefined> {
    return this.#reader.call('correlate', id);
  }

  recent(limit: number): Promise<kept.RecentRequest[]> {
    return this.#reader.call('recent', limit);
  }

  statistics(): Promise<kept.StoreStatistics> {
    return this.#reader.call('statistics');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#reader !== this.#writer) await this.#reader.close();
    await this.#writer.close();
  }
}

/** Beside this file, compiled or as it is. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js', import.meta.url);
}

/** The worker is ours: what the user asked of Node for the app (an `--import`, an inspector) is not for it. */
function withoutNodeOptions(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = env;
  return rest;
}

function sizeOf(records: readonly { readonly body: string }[]): number {
  let bytes = 0;
  for (const record of records) bytes += record.body.length + RECORD_OVERHEAD_BYTES;
  return bytes;
}
