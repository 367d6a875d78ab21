import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordOf } from '../../lib/stack/ingest/zipkin-spans.ts';
import { loadSqlite } from '../../lib/stack/store/load-sqlite.ts';
import { SqliteStore } from '../../lib/stack/store/sqlite-store.ts';
import { span, storeContract } from './store-contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'sightline-store-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(directory, `${files++}.db`);
const BOUNDS = { maxAgeMillis: 3_600_000, maxBytes: 512 * 1024 ** 2 };

storeContract('in memory', (options) => SqliteStore.open({ ...options, path: undefined }));
storeContract('on disk', (options) => SqliteStore.open({ ...options, path: newPath() }));

test('what was written is there after closing and opening again', async () => {
  const path = newPath();
  const first = await SqliteStore.open({ ...BOUNDS, path });
  await first.appendSpans([recordOf(span({ id: '00000000000000a1' }))]);
  await first.close();
  const second = await SqliteStore.open({ ...BOUNDS, path });
  assert.equal((await second.statistics()).spans, 1);
  await second.close();
});

test('a file of a newer version is left alone, and it is said', async () => {
  const path = newPath();
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  await assert.rejects(SqliteStore.open({ ...BOUNDS, path }), /newer version \(schema 99\)/);
});

test('a query that runs over its time is stopped; writing goes on, and so does reading afterwards', async () => {
  const store = await SqliteStore.open({ ...BOUNDS, path: newPath(), queryMillis: 400 });
  const labels = { __name__: 'x', value: `${'a'.repeat(40)}!` };
  await store.appendMetrics({ families: [], samples: [{ labels, value: 1, timestamp: Date.now() }] });
  // A regular expression that backtracks without end.
  const slow = store.promql({ query: '{value=~"(a+)+b"}', start: Date.now(), end: Date.now(), step: 0 });
  slow.catch(() => {});
  await store.appendSpans([recordOf(span({ id: '00000000000000a1' }))]);
  await assert.rejects(slow, { name: 'QueryTimeout' });
  assert.equal((await store.statistics()).spans, 1);
  await store.close();
});

test('many writers share transactions and all are answered', async () => {
  const store = await SqliteStore.open({ ...BOUNDS, path: newPath() });
  await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      store.appendSpans([recordOf(span({ id: index.toString(16).padStart(16, '0') }))]),
    ),
  );
  assert.equal((await store.statistics()).spans, 500);
  await store.close();
});
