/** What every courier over HTTP owes: a new one brings an adapter and runs this. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { DELIVERY_TUNING, type DeliveryTuning, type JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import type { Signal } from '../../lib/model/telemetry-sink.ts';
import { eventually } from '../support/wait.ts';
import { type Answer, type Arrived, type Script, type ScriptedBackend, startScripted } from './scripted-backend.ts';
import { assertBalanced, counts, document, QUICK, settled, sinkOptions, span } from './sink-fixture.ts';

/** One courier. */
export interface CourierAdapter {
  readonly name: string;
  readonly signal: Signal;
  /** Options that send the signal to `url`, with credentials in some header. */
  destination(url: string): Partial<JournalSinkOptions>;
  /** Numbers of the records in a request, in order. */
  numbers(request: Arrived): number[];
  /** The answer that takes all of them. */
  taken(count: number): Answer;
  /** For protocols that say so of each: the answer that takes all but those at `places`, which may be sent `again` or never. */
  partial?(count: number, places: readonly number[], what: 'again' | 'never'): Answer;
}

const RECORDS = 64;
const REDIRECTS = [301, 302, 303, 307, 308];

interface Running {
  readonly sink: ReturnType<typeof createJournalSink>;
  readonly notices: string[];
  put(count: number): void;
}

function courier(t: TestContext, adapter: CourierAdapter, url: string, tuning: Partial<DeliveryTuning> = {}): Running {
  const notices: string[] = [];
  const sink = createJournalSink(
    sinkOptions(
      { elasticsearchUrl: '', zipkinUrl: '', statsdUrl: '' },
      {
        logs: undefined,
        spans: undefined,
        statsd: undefined,
        onNotice: (text) => notices.push(text),
        tuning: { ...QUICK, ...tuning },
        ...adapter.destination(url),
      },
    ),
  );
  t.after(() => sink.close(0));
  let number = 0;
  return {
    sink,
    notices,
    put(count) {
      for (const end = number + count; number < end; number += 1) {
        if (adapter.signal === 'logs') sink.log(document(number), true);
        else sink.span(span(number));
      }
    },
  };
}

export function courierContract(adapter: CourierAdapter): void {
  const { signal } = adapter;
  const take = (request: Arrived): Answer => adapter.taken(adapter.numbers(request).length);
  const from = (backend: ScriptedBackend): number[] => backend.requests.flatMap((request) => adapter.numbers(request));
  const delivered = async ({ sink }: Running, accepted: number, change: object = {}): Promise<void> => {
    const status = await settled(sink);
    assert.deepEqual(status[signal], counts({ accepted, delivered: accepted, ...change }));
    assertBalanced(status);
  };
  /** Fails the first requests with these, then takes. */
  const first =
    (...answers: readonly Answer[]): Script =>
    (request, number) =>
      answers[number] ?? take(request);

  suite(adapter.name, { concurrency: 4 }, () => {
    test('one connection, kept', async (t) => {
      const backend = await startScripted(t, take);
      const running = courier(t, adapter, backend.url);
      for (let round = 1; round <= 4; round += 1) {
        running.put(1);
        await delivered(running, round);
      }
      assert.deepEqual(
        backend.requests.map(({ before }) => before),
        [0, 1, 2, 3],
      );
    });

    test('a request without an answer is ended after its time, and made again with the same bytes', async (t) => {
      assert.equal(DELIVERY_TUNING.requestTimeoutMillis, 10_000);
      const backend = await startScripted(t, (request, number) => (number === 0 ? 'silence' : take(request)));
      const running = courier(t, adapter, backend.url, { requestTimeoutMillis: 1000 });
      running.put(3);
      await delivered(running, 3);
      await eventually('the end of the first', () => (backend.abandoned() >= 1 ? true : undefined));
      const again = backend.requests.slice(1).filter(({ body }) => body.equals(backend.requests[0]!.body));
      assert.ok(again.length > 0);
    });

    test('two batches under way, never three, each bounded by bytes', async (t) => {
      let both = (): void => {};
      const two = new Promise<void>((resolve) => {
        both = resolve;
      });
      const backend = await startScripted(t, async (request) => {
        if (backend.underWay() === 2) both();
        await two;
        return take(request);
      });
      const running = courier(t, adapter, backend.url, { batchBytes: 10_000 });
      running.put(RECORDS * 8);
      await delivered(running, RECORDS * 8);
      assert.equal(backend.mostUnderWay(), 2);
      assert.ok(backend.requests.length >= 4, `${backend.requests.length}`);
      // What a protocol adds to so small a record is at most three times what it is.
      for (const { body } of backend.requests) assert.ok(body.length < 40_000, `${body.length} bytes`);
      assert.deepEqual(new Set(from(backend)).size, RECORDS * 8);
    });

    test('failures without end: no more than two ask, nothing is lost, and it is said once', async (t) => {
      const failures = 12;
      const backend = await startScripted(t, first(...Array.from({ length: failures }, () => ({ status: 503 }))));
      const running = courier(t, adapter, backend.url, { batchBytes: 3000 });
      running.put(RECORDS);
      await delivered(running, RECORDS);
      await eventually('the good news', () => (running.notices.length === 2 ? true : undefined));
      assert.match(running.notices[0]!, /does not take them \(HTTP 503/);
      assert.match(running.notices[1]!, /takes them again after/);
      // The two that were under way when it began; no third is added while it lasts.
      assert.ok(backend.mostUnderWay() <= 2);
      assert.equal(new Set(from(backend)).size, RECORDS);
    });

    for (const [what, value, least] of [
      ['seconds', () => '1', 990],
      // A date has whole seconds: two of them are more than one.
      ['a date', () => new Date(Date.now() + 2000).toUTCString(), 900],
    ] as const) {
      test(`Retry-After as ${what} is waited for`, async (t) => {
        const backend = await startScripted(t, (request, number) =>
          number === 0 ? { status: 429, headers: { 'retry-after': value() } } : take(request),
        );
        const running = courier(t, adapter, backend.url);
        running.put(1);
        await delivered(running, 1);
        assert.equal(backend.requests.length, 2);
        assert.ok(backend.requests[1]!.at - backend.requests[0]!.at >= least);
      });
    }

    test('413: in parts that fit', async (t) => {
      const backend = await startScripted(t, (request) =>
        adapter.numbers(request).length > 5 ? { status: 413 } : take(request),
      );
      const running = courier(t, adapter, backend.url);
      running.put(RECORDS);
      await delivered(running, RECORDS);
      assert.equal(new Set(from(backend)).size, RECORDS);
    });

    test('400: what is wrong is found by halves and set aside, all else arrives', async (t) => {
      const backend = await startScripted(t, (request) =>
        adapter.numbers(request).some((number) => number === 17 || number === 40)
          ? { status: 400, body: 'poison' }
          : take(request),
      );
      const running = courier(t, adapter, backend.url);
      running.put(RECORDS);
      await delivered(running, RECORDS, { delivered: RECORDS - 2, deadLettered: 2 });
      assert.deepEqual(running.notices, []);
    });

    test('a redirect is a failure, and nobody else is told the credentials', async (t) => {
      const other = await startScripted(t, take);
      const location = `${other.url}/elsewhere`;
      const backend = await startScripted(t, first(...REDIRECTS.map((status) => ({ status, headers: { location } }))));
      const running = courier(t, adapter, backend.url);
      running.put(1);
      await delivered(running, 1);
      assert.equal(backend.requests.length, REDIRECTS.length + 1);
      for (const { headers } of backend.requests) assert.match(headers.authorization ?? '', /secret|Basic/);
      assert.equal(other.requests.length, 0);
    });

    test('401 and 403: said once, kept, and tried with pauses', async (t) => {
      let right = false;
      const backend = await startScripted(t, (request, number) =>
        right ? take(request) : { status: number % 2 === 0 ? 401 : 403 },
      );
      const running = courier(t, adapter, backend.url, { backoffBaseMillis: 20 });
      running.put(3);
      await eventually('some attempts', () =>
        backend.requests.length >= 5 && running.notices.length > 0 ? true : undefined,
      );
      assert.deepEqual(running.sink.status()[signal], counts({ accepted: 3, onDisk: 3 }));
      assert.equal(running.notices.length, 1);
      assert.match(running.notices[0]!, /HTTP 40[13]/);
      right = true;
      await delivered(running, 3);
    });

    const { partial } = adapter;
    // Other protocols have one outcome for all of a request.
    if (partial !== undefined)
      test('each record has its own outcome', async (t) => {
        const seen = new Map<number, number>();
        const backend = await startScripted(t, (request, number) => {
          const numbers = adapter.numbers(request);
          for (const record of numbers) seen.set(record, (seen.get(record) ?? 0) + 1);
          if (number === 0) return partial(numbers.length, [1], 'again');
          const never = numbers.indexOf(5);
          return never >= 0 ? partial(numbers.length, [never], 'never') : take(request);
        });
        const running = courier(t, adapter, backend.url, { window: 1 });
        running.put(3);
        await delivered(running, 3);
        assert.deepEqual([...seen.values()], [1, 2, 1]);
        running.put(3);
        const status = await settled(running.sink);
        assert.equal(status[signal].delivered, 5);
        assert.equal(status[signal].deadLettered + (status[signal].dropped['rejected'] ?? 0), 1);
        assert.equal(seen.get(5), 1);
      });
  });
}
