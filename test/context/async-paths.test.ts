import assert from 'node:assert/strict';
import { AsyncResource } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { active, ROOT, runIn } from '../../lib/context/context.ts';

const inRequest = <Result>(id: string, body: () => Result): Result => runIn(ROOT.withCorrelationId(id), body);
const id = (): string | undefined => active().correlationId;

/** One connection that all share; it was opened, and works, outside of every request. */
class Pool {
  private readonly waiting: ((connection: string) => void)[] = [];
  private readonly timer = setInterval(() => this.waiting.shift()?.('connection'), 1);

  acquire(): Promise<string> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  close(): void {
    clearInterval(this.timer);
  }
}

test('a pool that answers by promise gives each caller its own request back', async (t) => {
  const pool = new Pool();
  t.after(() => pool.close());
  const caller = (name: string) =>
    inRequest(name, async () => {
      await pool.acquire();
      return id();
    });
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(caller)), ['a', 'b', 'c']);
});

test('an in-process queue: a job that is bound to where it was put in runs there, an unbound one where it is taken out', async () => {
  const jobs: (() => void)[] = [];
  const seen: (string | undefined)[] = [];
  inRequest('bound', () => jobs.push(AsyncResource.bind(() => seen.push(id()))));
  inRequest('unbound', () => jobs.push(() => seen.push(id())));
  await inRequest('worker', async () => {
    await delay(1);
    for (const job of jobs) job();
  });
  assert.deepEqual(seen, ['bound', 'worker']);
});

test('an emitter made outside: who awaits an event stays in the request, a listener runs where the event comes from', async () => {
  const emitter = new EventEmitter();
  const listened: (string | undefined)[] = [];
  const awaiting = inRequest('awaits', async () => {
    await once(emitter, 'news');
    return id();
  });
  inRequest('listens', () => emitter.once('news', () => listened.push(id())));
  inRequest('emits', () => emitter.emit('news'));
  assert.equal(await awaiting, 'awaits');
  assert.deepEqual(listened, ['emits']);
});

test('streams, iterators and timers go on in the request that began them', async () => {
  const source = Readable.from(['a', 'b']);
  const seen = new Set<string | undefined>();
  await inRequest('reads', () =>
    pipeline(source, async (chunks) => {
      for await (const _ of chunks) {
        await delay(1);
        seen.add(id());
      }
    }),
  );
  assert.deepEqual([...seen], ['reads']);
});
