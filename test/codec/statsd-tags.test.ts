import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pushPath } from '../../lib/codec/push-path.ts';
import { StatsdTags, taggedName } from '../../lib/codec/statsd-tags.ts';
import { readStatsdLine } from '../../lib/stack/ingest/statsd-line.ts';

const IDENTITY = { environment: 'prod', host: 'server1', service: 'shop', version: '' };
const LABELS = ['http_request_method', 'http_route', 'error_type'];

test('dogstatsd: name, tags, container; an empty label is no tag', () => {
  const tags = new StatsdTags('dogstatsd', IDENTITY, 'abc');
  assert.deepEqual(tags.address('http_server_request_duration_seconds', LABELS, ['GET', '/orders/:id', '']), {
    head: 'http.server.request.duration',
    tail: '|#http_request_method:GET,http_route:/orders/:id,environment:prod,instance:server1,job:shop|c:abc',
    packed: true,
  });
});

test('influx: name and tags before the value', () => {
  const tags = new StatsdTags('influx', IDENTITY, 'abc');
  assert.deepEqual(tags.address('orders_created_total', ['kind'], ['a b:c,d=e|f[g]']), {
    head: 'orders_created_total,kind=a_b_c_d_e_f_g_,environment=prod,instance=server1,job=shop',
    tail: '',
    packed: false,
  });
});

test('the catalogue has dotted names, everything else keeps its own', () => {
  assert.equal(taggedName('http_server_active_requests'), 'http.server.active_requests');
  assert.equal(taggedName('sightline_log_lines_total'), 'sightline.log.lines');
  assert.equal(taggedName('target_info'), 'target.info');
  assert.equal(taggedName('process_open_fds'), 'process_open_fds');
});

test('no label value can end a tag, a line or a packet', () => {
  const dogstatsd = new StatsdTags('dogstatsd', IDENTITY);
  const influx = new StatsdTags('influx', IDENTITY);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (value) => {
      const one = dogstatsd.address('x_total', ['a'], [value]);
      const line = `${one.head}:1|c${one.tail}`;
      assert.equal(line.split(/[\n\r]/).length, 1);
      const [measurement, ...more] = readStatsdLine(line) ?? [];
      assert.equal(more.length, 0);
      assert.deepEqual(Object.keys(measurement?.tags ?? {}), ['a', 'environment', 'instance', 'job']);
      const two = influx.address('x_total', ['a'], [value]);
      assert.match(two.head, /^x_total,a=[^,=:|\s]+,environment=prod,instance=server1,job=shop$/u);
    }),
    { numRuns: 100 },
  );
});

test('the path of a push: a slash and nothing go as base64', () => {
  assert.equal(pushPath('shop', 'server 1'), '/metrics/job/shop/instance/server%201');
  assert.equal(pushPath('@acme/shop', ''), '/metrics/job@base64/QGFjbWUvc2hvcA/instance@base64/=');
});
