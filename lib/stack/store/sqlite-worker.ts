/**
 * The thread that owns one connection to the database. Writes that have arrived by the time the loop comes round share
 * one transaction and are answered after its commit: acknowledged is on disk. Reads are answered as they come.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteDatabase } from './sqlite-database.ts';
import { type WorkerReply, type WorkerRequest, type WorkerStart, WRITE_METHODS } from './sqlite-protocol.ts';

const port = parentPort!;
const waiting: WorkerRequest[] = [];
let database: SqliteDatabase | undefined;

function reply(message: WorkerReply): void {
  port.postMessage(message);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function call(open: SqliteDatabase, request: WorkerRequest): unknown {
  return Reflect.apply(
    open[request.method as 'appendSpans'] as (...parameters: unknown[]) => unknown,
    open,
    request.parameters as unknown[],
  );
}

function commit(): void {
  const open = database;
  const requests = waiting.splice(0);
  if (open === undefined || requests.length === 0) return;
  const replies: WorkerReply[] = [];
  try {
    open.transaction(() => {
      for (const request of requests) {
        try {
          replies.push({ id: request.id, result: open.savepoint(() => call(open, request)) });
        } catch (error) {
          replies.push({ id: request.id, failure: textOf(error) });
        }
      }
    });
  } catch (error) {
    for (const request of requests) reply({ id: request.id, failure: textOf(error) });
    return;
  }
  for (const message of replies) reply(message);
}

function handle(request: WorkerRequest): void {
  const open = database;
  if (open === undefined) {
    reply({ id: request.id, failure: 'the store is closed' });
    return;
  }
  if (request.method === 'close') {
    commit();
    database = undefined;
    open.close();
    reply({ id: request.id, result: undefined });
    port.close();
    return;
  }
  if (request.method === 'prune') {
    // Not in the group's transaction: it may take long, and SQLite hands free pages back only outside of one.
    commit();
    try {
      call(open, request);
      reply({ id: request.id, result: undefined });
    } catch (error) {
      reply({ id: request.id, failure: textOf(error) });
    }
    return;
  }
  if (WRITE_METHODS.has(request.method)) {
    waiting.push(request);
    if (waiting.length === 1) setImmediate(commit);
    return;
  }
  try {
    reply({ id: request.id, result: call(open, request) });
  } catch (error) {
    reply({ id: request.id, failure: textOf(error) });
  }
}

try {
  database = new SqliteDatabase((workerData as WorkerStart).database);
  port.on('message', handle);
  reply({ opened: true });
} catch (error) {
  reply({ opened: false, failure: textOf(error) });
}
