import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { isCorrelationId, pickCorrelationId } from '../../lib/context/correlation-id.ts';

const names = ['x-correlation-id', 'x-request-id'] as const;

test('every accepted character, alone; every other, refused', () => {
  for (let code = 0; code < 0x250; code += 1) {
    const character = String.fromCharCode(code);
    assert.equal(isCorrelationId(character), /^[A-Za-z0-9._~:/+=@-]$/.test(character), `code ${code}`);
  }
});

test('128 characters are accepted, 129 and none are not', () => {
  assert.ok(isCorrelationId('a'.repeat(128)));
  assert.ok(!isCorrelationId('a'.repeat(129)));
  assert.ok(!isCorrelationId(''));
});

test('is the pattern of the promise, for whatever comes', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 140, unit: 'binary' }),
    fc.string({ maxLength: 140, unit: fc.constantFrom(...'aZ09._~:/+=@-, \n"') }),
  );
  fc.assert(fc.property(text, (value) => isCorrelationId(value) === /^[A-Za-z0-9._~:/+=@-]{1,128}$/.test(value)));
});

test('the first acceptable header in the order of the names', () => {
  assert.deepEqual(pickCorrelationId({ 'x-request-id': 'r', 'x-correlation-id': 'c' }, names), {
    id: 'c',
    header: 'x-correlation-id',
    rejected: false,
  });
  assert.deepEqual(pickCorrelationId({ 'x-request-id': 'r' }, names), {
    id: 'r',
    header: 'x-request-id',
    rejected: false,
  });
  assert.deepEqual(pickCorrelationId({ 'x-request-id': 'r', 'x-correlation-id': 'no good' }, names), {
    id: 'r',
    header: 'x-request-id',
    rejected: true,
  });
  assert.deepEqual(pickCorrelationId({ 'x-correlation-id': '' }, names), {
    id: undefined,
    header: undefined,
    rejected: true,
  });
  assert.deepEqual(pickCorrelationId({}, names), { id: undefined, header: undefined, rejected: false });
  assert.deepEqual(pickCorrelationId({ 'x-correlation-id': ['a', 'b'] }, names), {
    id: undefined,
    header: undefined,
    rejected: true,
  });
});

test('a header sent twice is refused as Node joins it', async () => {
  let picked: unknown;
  const server = http.createServer((request, response) => {
    picked = pickCorrelationId(request.headers, names);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const request = http.get({
    host: '127.0.0.1',
    port,
    agent: false,
    headers: ['Host', 'x', 'X-Correlation-Id', 'a', 'X-Correlation-Id', 'b'],
  });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  server.close();
  assert.deepEqual(picked, { id: undefined, header: undefined, rejected: true });
});
