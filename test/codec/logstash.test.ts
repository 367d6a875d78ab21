import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logstashArray, logstashLines } from '../../lib/codec/logstash.ts';

const DOCUMENTS = [
  { id: '0011223344556677-1', document: Buffer.from('{"message":"a","number":12345678901234567890}') },
  { id: '0011223344556677-2', document: Buffer.from('{}') },
  { id: '0011223344556677-z', document: Buffer.from('{"message":"ä€😀"}') },
];

test('an array for the http input: documents byte for byte, each with its ID', () => {
  assert.equal(
    logstashArray(DOCUMENTS).toString(),
    '[{"event.id":"0011223344556677-1","message":"a","number":12345678901234567890},{"event.id":"0011223344556677-2"},{"event.id":"0011223344556677-z","message":"ä€😀"}]',
  );
  assert.equal(logstashArray([]).toString(), '[]');
});

test('lines for the tcp input, each ended', () => {
  assert.equal(
    logstashLines(DOCUMENTS).toString(),
    '{"event.id":"0011223344556677-1","message":"a","number":12345678901234567890}\n{"event.id":"0011223344556677-2"}\n{"event.id":"0011223344556677-z","message":"ä€😀"}\n',
  );
});
