/** `sightline dlq` on the files of a service that runs, and of one that does not. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { dlqCommand } from '../../lib/cli/commands/dlq.ts';
import { selectionOf } from '../../lib/cli/dlq/selection.ts';
import type { JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import { allLetters, appendLetters } from '../../lib/delivery/journal/dead-letter-files.ts';
import { writeRetryJournal } from '../../lib/delivery/journal/retry-journal.ts';
import { createJournalSink } from '../../lib/delivery/journal-sink.ts';
import { faults, type Receiver } from '../../lib/testing/index.ts';
import { document, receiverFor, settled, sinkOptions, span } from '../delivery/sink-fixture.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { sightline } from './command-line.ts';

/** A service that has had dead letters: logs 1 and 3 of 4, spans 1 and 3 of 4. */
async function withLetters(t: TestContext, change: Partial<JournalSinkOptions> = {}) {
  const receiver = await receiverFor(t);
  const dataDirectory = temporaryDirectory('dlq');
  const options = sinkOptions(receiver, { directory: join(dataDirectory, 'journal'), statsd: undefined, ...change });
  const sink = createJournalSink(options);
  t.after(() => sink.close(0));
  const outage = receiver.outage(faults.partial(2, 400), { path: /_bulk/ });
  const zipkin = receiver.outage({ status: 400, body: 'span is not to my taste' }, { path: /spans/ });
  for (let at = 0; at < 4; at += 1) sink.log(document(at, { 'correlation.id': `order-${at}` }), true);
  sink.span(span(7, { 'correlation.id': 'order-7' }));
  const status = await settled(sink);
  assert.deepEqual([status.logs.deadLettered, status.spans.deadLettered], [2, 1]);
  outage.end();
  zipkin.end();
  const env = { SIGHTLINE_DATA_DIR: dataDirectory };
  const run = (...parameters: string[]) => sightline(['dlq', ...parameters], { env });
  const list = async (...parameters: string[]) => JSON.parse((await run('list', '--json', ...parameters)).stdout);
  const [service = ''] = readdirSync(options.directory);
  return { receiver, sink, options, run, list, directory: join(options.directory, service) };
}

const stored = (receiver: Receiver): number[] => receiver.documents.map((line) => line['number']).sort();

test('list, show and export tell everything; filters choose', async (t) => {
  const { run, list, directory } = await withLetters(t);
  const { total, deadLetters } = await list();
  assert.equal(total, 3);
  const [log] = deadLetters.filter(({ signal }: { signal: string }) => signal === 'logs');
  const [refused] = deadLetters.filter(({ signal }: { signal: string }) => signal === 'spans');
  assert.equal(log.key, `logs-${log.id}`);
  assert.deepEqual([log.status, log.attempts, log.service], [400, 1, 'shop']);
  assert.match(log.reason, /^the field "a" is something else here, but of type long in the index$/);
  assert.match(log.fix, /sightline dlq retry$/);
  assert.match(log.response, /document_parsing_exception/);
  assert.match(log.destination, /^http:.*\/elasticsearch$/);
  assert.ok(log.accepted <= log.first && log.first <= log.last);
  assert.equal(JSON.parse(log.record)['correlation.id'], 'order-1');
  assert.deepEqual([refused.reason, refused.response], ['HTTP 400 span is not to my taste', 'span is not to my taste']);

  const plain = await run('list');
  assert.deepEqual([plain.code, plain.stderr], [0, '']);
  assert.match(plain.stdout, new RegExp(`^${log.key}  `, 'm'));
  assert.match(plain.stdout, /^2 × the field "a" .*: log it always as one kind/m);
  const shown = await run('show', log.key);
  assert.match(shown.stdout, /^answer +400 document_parsing_exception/m);
  assert.match(shown.stdout, /^record +\{"@timestamp"/m);
  const exported = (await run('export', '--signal', 'logs')).stdout.trimEnd().split('\n');
  assert.deepEqual(
    exported.map((line) => JSON.parse(JSON.parse(line).record).number),
    [1, 3],
  );

  const letters = allLetters(directory);
  const chosen = (name: string, value: string) =>
    letters.filter((letter) => selectionOf(dlqCommand, { values: { [name]: value } }, []).includes(letter)).length;
  for (const [name, value, count] of [
    ['signal', 'spans', 1],
    ['service', 'shop', 3],
    ['service', 'other', 0],
    ['reason', 'TASTE', 1],
    ['reason', '400', 3],
    ['text', 'line 3', 1],
    ['since', '1h', 3],
    ['since', '2100-01-01', 0],
    ['id', 'order-3', 1],
    ['id', 'order-7', 1],
    ['id', span(7).traceId, 1],
  ] as const) {
    assert.equal(chosen(name, value), count, `--${name} ${value}`);
  }
  assert.equal((await list('--id', 'order-3')).total, 1);
});

suite('retry', () => {
  test('a running process sends them, each once, under the ID it had; a second retry has nothing to do', async (t) => {
    const { receiver, sink, run, list } = await withLetters(t);
    const before = (await list('--signal=logs')).deadLetters.map(({ id }: { id: string }) => id).sort();
    const first = await run('retry', '--json');
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(JSON.parse(first.stdout).services, [
      {
        service: 'shop',
        destinations: [receiver.elasticsearchUrl, receiver.zipkinUrl],
        count: 3,
        sender: 'running',
      },
    ]);
    const second = await run('retry');
    assert.deepEqual([second.code, second.stdout, second.stderr], [0, '', 'nothing to send again\n']);
    await eventually('all of them', () =>
      receiver.documents.length >= 4 && receiver.spans.length >= 1 ? true : undefined,
    );
    const status = await settled(sink);
    assert.deepEqual(stored(receiver), [0, 1, 2, 3]);
    assert.deepEqual(
      receiver.documents
        .filter(({ number }) => number % 2 === 1)
        .map((line) => line['_id'])
        .sort(),
      before,
    );
    assert.deepEqual([receiver.spans.length, receiver.conflicts()], [1, 0]);
    assert.deepEqual(status.logs, { ...status.logs, accepted: 6, delivered: 4, deadLettered: 2, onDisk: 0 });
    await eventually('no dead letters', () => (sink.status().deadLetters?.logs.waiting === 0 ? true : undefined));
    assert.equal((await list()).total, 0);
  });

  test('the next process sends them when none runs; what is refused again says how often', async (t) => {
    const { receiver, sink, options, run, list } = await withLetters(t);
    await sink.close(2000);
    const retried = await run('retry', '--id', 'order-1');
    assert.match(retried.stdout, /^shop: 1 put back; no process of the service runs: its next one sends them\n$/);
    assert.equal((await list()).total, 2);
    receiver.outage(faults.partial(1, 400), { path: /_bulk/ });
    const next = createJournalSink(options);
    t.after(() => next.close(0));
    next.start();
    const { deadLetters } = await eventually('the letter to come back', async () => {
      const found = await list('--id', 'order-1');
      return found.total === 1 ? found : undefined;
    });
    assert.equal(deadLetters[0].attempts, 2);
    assert.ok(deadLetters[0].accepted <= deadLetters[0].first && deadLetters[0].first < deadLetters[0].last);
    receiver.heal();
    await run('retry');
    await eventually('all to be stored', () => (receiver.documents.length === 4 ? true : undefined));
    assert.deepEqual(stored(receiver), [0, 1, 2, 3]);
  });

  test('a command that died between putting them back and taking them out makes no copies', async (t) => {
    const { receiver, sink, run, directory } = await withLetters(t);
    writeRetryJournal(directory, allLetters(directory));
    await run('retry', '--signal=logs');
    await eventually('the copies to be refused', () => (receiver.conflicts() === 2 ? true : undefined));
    await settled(sink);
    assert.deepEqual(stored(receiver), [0, 1, 2, 3]);
  });

  test('two commands at once, while new ones come: none is lost, and none stored twice', async (t) => {
    const { receiver, sink, run, directory, list } = await withLetters(t);
    const [template] = allLetters(directory).filter(({ signal }) => signal === 'logs');
    let added = 0;
    const adding = setInterval(() => {
      const record = document(100 + added);
      appendLetters(directory, [{ ...template!, id: `feedfeedfeedfeed-${added}`, record }]);
      added += 1;
    }, 5);
    const ended = await Promise.all([run('retry'), run('retry'), run('retry')]);
    clearInterval(adding);
    for (const { code, stderr } of ended) assert.ok(code === 0 || /SIGHTLINE_E_DLQ_BUSY/.test(stderr), stderr);
    await run('retry');
    assert.equal((await list()).total, 0);
    await eventually('all to be stored', () => (receiver.documents.length === 4 + added ? true : undefined));
    await settled(sink);
    assert.equal(new Set(receiver.documents.map((line) => line['number'])).size, 4 + added);
  });
});

test('drop deletes what a filter chooses, and everything only when told so', async (t) => {
  const { run, list } = await withLetters(t);
  const refused = await run('drop');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^SIGHTLINE_E_USAGE: got drop without a filter or key, wanted one, or --yes/);
  assert.equal((await run('drop', '--signal', 'spans')).stdout, '1 dropped\n');
  assert.equal((await list()).total, 2);
  const [{ key }] = (await list()).deadLetters;
  assert.equal((await run('drop', key, '--json')).stdout, '{"dropped":1}\n');
  const again = await run('drop', key);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^SIGHTLINE_E_NOT_FOUND: got dead letter "logs-/);
  assert.equal((await run('drop', '--yes')).stdout, '1 dropped\n');
  const empty = await run('list');
  assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, '', 'no dead letters\n']);
});

test('wrong usage', async () => {
  const env = { SIGHTLINE_DATA_DIR: temporaryDirectory('dlq') };
  for (const [parameters, message] of [
    [[], /got 0 arguments/],
    [['lst'], /got "lst", wanted one of list, show, retry, drop, export; did you mean list\?/],
    [['list', '--signal=metrics'], /got --signal metrics, wanted logs or spans/],
    [['list', '--since=soon'], /got --since soon, wanted an age such as 2h/],
  ] as const) {
    const { code, stderr } = await sightline(['dlq', ...parameters], { env });
    assert.equal(code, 2, parameters.join(' '));
    assert.match(stderr, message);
  }
});
