import type { Worker } from 'node:worker_threads';
import type { MethodParameters, MethodResult, StoreMethod, WorkerReply } from './sqlite-protocol.ts';
import { QueryTimeout } from './store.ts';

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Calls methods of a worker thread by messages. With a time limit, a call that runs over it costs the thread its life. */
export class WorkerClient {
  readonly #start: () => Worker;
  readonly #limitMillis: number | undefined;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker;
  #opened: Promise<void>;
  #nextId = 1;
  #closed = false;
  /** The thread has ended by itself; the next call starts another. */
  #dead = false;

  constructor(start: () => Worker, limitMillis?: number) {
    this.#start = start;
    this.#limitMillis = limitMillis;
    this.#worker = start();
    this.#opened = this.#attach(this.#worker);
    this.#opened.catch(() => {});
  }

  /** @throws Error when the database could not be opened */
  opened(): Promise<void> {
    return this.#opened;
  }

  call<Method extends StoreMethod>(
    method: Method,
    ...parameters: MethodParameters<Method>
  ): Promise<MethodResult<Method>> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    return this.#send(method, parameters);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#send('close', []).catch(() => {});
    await this.#worker.terminate();
  }

  #send<Result>(method: StoreMethod | 'close', parameters: readonly unknown[]): Promise<Result> {
    if (this.#dead && !this.#closed) this.#restart();
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(new Error('the thread of the store has ended'));
      const id = this.#nextId++;
      const limit = this.#limitMillis;
      const timer =
        limit === undefined ? undefined : setTimeout(() => this.#overrun(`${method} ran over ${limit} ms`), limit);
      this.#pending.set(id, { resolve, reject, timer });
      this.#worker.postMessage({ id, method, parameters });
    });
  }

  #attach(worker: Worker): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    worker.on('message', (message: WorkerReply) => {
      if ('opened' in message) return message.opened ? resolve() : reject(new Error(message.failure));
      const pending = this.#pending.get(message.id);
      if (pending === undefined) return;
      this.#pending.delete(message.id);
      clearTimeout(pending.timer);
      if ('failure' in message) pending.reject(new Error(message.failure));
      else pending.resolve(message.result as never);
    });
    worker.on('error', (error) => {
      reject(error);
      this.#fail(error);
    });
    worker.on('exit', () => {
      const error = new Error('the thread of the store has ended');
      reject(error);
      if (worker !== this.#worker) return;
      this.#dead = true;
      this.#fail(error);
    });
    return promise;
  }

  #restart(): void {
    this.#dead = false;
    this.#worker = this.#start();
    this.#opened = this.#attach(this.#worker);
    this.#opened.catch(() => {});
  }

  #fail(error: Error): void {
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
  }

  /** The thread is stuck in a query: end it, tell everyone who waits for it, start anew. */
  #overrun(reason: string): void {
    const stuck = this.#worker;
    this.#fail(new QueryTimeout(reason));
    this.#restart();
    stuck.terminate().catch(() => {});
  }
}
