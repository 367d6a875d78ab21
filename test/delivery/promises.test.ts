/** docs/reliability.md: each row of the promises has a test, and each test that it names exists. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${root}docs/reliability.md`, 'utf8');

/** Cells of the table whose head begins with `head`. */
function rows(head: string): string[][] {
  const lines = page.slice(page.indexOf(`| ${head} |`)).split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const promises = rows('backend');
const held = rows('promise');

test('every backend of the promises has a test', () => {
  assert.ok(promises.length >= 7, `${promises.length}`);
  const names = new Set(held.map(([promise]) => promise));
  for (const [backend] of promises) assert.ok(names.has(backend), `${backend} has no test`);
});

for (const [promise, file, name] of held) {
  test(`${promise}: “${name}” is in ${file}`, () => {
    const text = readFileSync(`${root}test/${file!.replaceAll('`', '')}`, 'utf8');
    assert.ok(text.includes(name!), `no test of that name in ${file}`);
  });
}

test('the shipped pipeline of Logstash stores each document under its event.id', () => {
  const pipeline = readFileSync(`${root}deploy/logstash/sightline.conf`, 'utf8').replace(/^\s*#.*$/gm, '');
  assert.match(pipeline, /copy => \{ "\[event\.id\]" => "\[@metadata\]\[id\]" \}/);
  assert.match(pipeline, /document_id => "%\{\[@metadata\]\[id\]\}"/);
  // Into a data stream the plugin only ever creates.
  assert.match(pipeline, /data_stream => true/);
});
