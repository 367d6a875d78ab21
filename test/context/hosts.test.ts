import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHostPolicy, normaliseHost } from '../../lib/context/hosts.ts';

function check(policy: (host: string) => boolean, yes: readonly string[], no: readonly string[]): void {
  for (const host of yes) assert.equal(policy(host), true, host);
  for (const host of no) assert.equal(policy(host), false, host);
}

test('by default identity goes to everyone', () => {
  check(createHostPolicy({}).propagate, ['api.example.com', 'localhost', '8.8.8.8', '[::1]:80'], ['', 'a'.repeat(254)]);
});

test('exclusions, alone and among others, always win', () => {
  check(
    createHostPolicy({ propagate: ['!api.example.com'] }).propagate,
    ['example.com', 'x'],
    ['api.example.com', 'API.Example.com.', 'api.example.com:443'],
  );
  check(
    createHostPolicy({ propagate: ['*', '!*.example.com'] }).propagate,
    ['example.com', 'notexample.com'],
    ['api.example.com', 'a.b.example.com'],
  );
  check(createHostPolicy({ propagate: ['!a', 'a', '*'] }).propagate, ['b'], ['a']);
  check(createHostPolicy({ propagate: ['a', '!*'] }).propagate, [], ['a', 'b']);
});

test('a list names whom it names; a suffix is everything below, not itself', () => {
  check(
    createHostPolicy({ propagate: ['orders', '*.svc.local', '10.0.0.1', '::1'] }).propagate,
    ['orders', 'ORDERS:8080', 'a.svc.local', 'a.b.svc.local', '10.0.0.1:80', '[::1]'],
    ['svc.local', 'xsvc.local', 'orders2', '10.0.0.10'],
  );
  check(createHostPolicy({ propagate: [] }).propagate, [], ['localhost']);
});

test('baggage goes to our own network by default', () => {
  check(
    createHostPolicy({}).baggage,
    [
      'localhost',
      'app.localhost',
      'orders',
      'orders_v2',
      'redis-1',
      '127.0.0.1',
      '127.9.9.9',
      '10.0.0.1',
      '10.255.255.255',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '::1',
      '[::1]:3000',
      'fd00::1',
      '[fc00::1]',
      '::ffff:10.0.0.1',
    ],
    [
      'example.com',
      'orders.example.com',
      '8.8.8.8',
      '11.0.0.1',
      '172.15.0.1',
      '172.32.0.1',
      '192.169.0.1',
      '169.254.169.254',
      '2001:db8::1',
      'fe80::1',
      '::ffff:8.8.8.8',
      '2130706433',
      '0x7f000001',
      'localhost.evil.com',
      '10.0.0.1.evil.com',
    ],
  );
});

test('baggage never goes where the trace does not', () => {
  const policy = createHostPolicy({ propagate: ['!orders'], baggage: ['*'] });
  check(policy.baggage, ['example.com'], ['orders']);
  check(createHostPolicy({ baggage: ['*.example.com'] }).baggage, ['a.example.com'], ['localhost']);
});

test('the memory of hosts is bounded and does not change answers', () => {
  const policy = createHostPolicy({ propagate: ['!*.bad'] });
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 2500; index += 1) {
      assert.equal(policy.propagate(`h${index}.good`), true);
      assert.equal(policy.propagate(`h${index}.bad`), false);
    }
  }
});

test('host names are compared without case, port, brackets, zone and trailing dot', () => {
  const table = {
    'A.b.': 'a.b',
    'a:80': 'a',
    '[::1]:80': '::1',
    '::1': '::1',
    'fe80::1%eth0': 'fe80::1',
    '[fd00::1%2]': 'fd00::1',
    '[broken': 'broken',
  };
  for (const [host, normal] of Object.entries(table)) assert.equal(normaliseHost(host), normal, host);
});
