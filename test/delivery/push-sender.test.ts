/** A Pushgateway keeps the newest page: what a courier to it owes. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PushSender } from '../../lib/delivery/worker/push-sender.ts';
import { eventually } from '../support/wait.ts';
import { type Answer, type Script, startScripted } from './scripted-backend.ts';

function open(t: TestContext, url: string, timeoutMillis = 20_000) {
  const said: (string | undefined)[] = [];
  let failed = 0;
  let handled = 0;
  const sender = new PushSender({
    url: url.replace('http://', 'http://shop:secret@'),
    timeoutMillis,
    onOutcome(pages, failures) {
      handled += pages;
      failed += failures;
    },
    onState: (sentence) => said.push(sentence),
  });
  t.after(() => sender.close());
  return { sender, said, totals: () => ({ handled, failed }) };
}

test('pages wait one at most: while one is under way, the newest takes the place of those before it', async (t) => {
  let release: ((answer: Answer) => void) | undefined;
  const held = new Promise<Answer>((resolve) => {
    release = resolve;
  });
  const backend = await startScripted(t, (_, number) => (number === 0 ? held : { status: 200 }));
  const { sender, totals } = open(t, backend.url);
  for (let page = 0; page < 5; page += 1) sender.push({ body: `page ${page}\n`, replace: page % 2 === 0 });
  await eventually('the first', () => (backend.requests.length === 1 ? true : undefined));
  release!({ status: 200 });
  await eventually('all', () => (totals().handled === 5 ? true : undefined));
  assert.deepEqual(
    backend.requests.map(({ body }) => body.toString()),
    ['page 0\n', 'page 4\n'],
  );
  assert.equal(backend.mostUnderWay(), 1);
  assert.deepEqual(totals(), { handled: 5, failed: 0 });
});

test('a push that fails is counted and said; the next one is tried all the same', async (t) => {
  const other = await startScripted(t, () => ({ status: 200 }));
  const script: readonly ReturnType<Script>[] = [
    { status: 302, headers: { location: other.url } },
    { status: 400, body: 'text format parsing error' },
    'silence',
    { status: 202 },
  ];
  const backend = await startScripted(t, (_, number) => script[number]!);
  const { sender, said, totals } = open(t, backend.url, 1000);
  for (let round = 1; round <= script.length; round += 1) {
    sender.push({ body: 'a 1\n', replace: true });
    await eventually('the outcome', () => (totals().handled === round ? true : undefined));
  }
  assert.match(said[0] ?? '', /\(HTTP 302\); the next push has newer values/);
  assert.match(said[1] ?? '', /HTTP 400 text format parsing error/);
  assert.match(said[2] ?? '', /no answer within 1000 ms/);
  assert.deepEqual(totals(), { handled: 4, failed: 3 });
  assert.equal(said[3], undefined);
  assert.equal(other.requests.length, 0, 'credentials reach no other host');
  for (const { headers } of backend.requests) assert.match(headers.authorization ?? '', /^Basic /);
});
