import type { DatabaseOptions, SqliteDatabase } from './sqlite-database.ts';

/** What crosses the thread boundary between `SqliteStore` and `sqlite-worker`. */
export type WriteMethod = 'appendSpans' | 'appendLogs' | 'appendMetrics' | 'prune';
export type ReadMethod =
  | 'trace'
  | 'traces'
  | 'services'
  | 'spanNames'
  | 'remoteServices'
  | 'tagValues'
  | 'dependencies'
  | 'searchLogs'
  | 'streams'
  | 'promql'
  | 'promqlBody'
  | 'series'
  | 'exemplars'
  | 'families'
  | 'correlate'
  | 'recent'
  | 'statistics';
export type StoreMethod = WriteMethod | ReadMethod;

export interface WorkerRequest {
  readonly id: number;
  readonly method: StoreMethod | 'close';
  readonly parameters: readonly unknown[];
}

export type WorkerReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: string }
  /** The first message: the database is open, or why not. */
  | { readonly opened: true }
  | { readonly opened: false; readonly failure: string };

export interface WorkerStart {
  readonly database: DatabaseOptions;
}

export const WRITE_METHODS: ReadonlySet<string> = new Set<WriteMethod>([
  'appendSpans',
  'appendLogs',
  'appendMetrics',
  'prune',
]);

export type MethodParameters<Method extends StoreMethod> = Parameters<SqliteDatabase[Method]>;
export type MethodResult<Method extends StoreMethod> = ReturnType<SqliteDatabase[Method]>;
