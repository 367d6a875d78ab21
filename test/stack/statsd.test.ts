import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsdAggregate } from '../../lib/stack/ingest/statsd-aggregate.ts';
import { readStatsdLine } from '../../lib/stack/ingest/statsd-line.ts';

function values(aggregate: StatsdAggregate): Record<string, number> {
  return Object.fromEntries(
    aggregate.flush(1000).samples.map((sample) => {
      const { __name__: name, job: _, instance: __, ...labels } = sample.labels;
      return [`${name}${Object.keys(labels).length === 0 ? '' : JSON.stringify(labels)}`, sample.value];
    }),
  );
}

test('counters add up and are scaled by their rate; gauges are set and moved', () => {
  const aggregate = new StatsdAggregate();
  aggregate.take(
    'prod.server1.shop.handlers.get_orders_id.ok:1|c\nprod.server1.shop.handlers.get_orders_id.ok:2|c|@0.5\n',
  );
  aggregate.take('queue:10|g\nqueue:-3|g\nqueue:+1|g');
  assert.deepEqual(values(aggregate), { prod_server1_shop_handlers_get_orders_id_ok: 5, queue: 8 });
  aggregate.take('prod.server1.shop.handlers.get_orders_id.ok:1|c');
  assert.equal(values(aggregate)['prod_server1_shop_handlers_get_orders_id_ok'], 6);
});

test('timers are summaries in seconds; sets count members until the flush', () => {
  const aggregate = new StatsdAggregate();
  aggregate.take('t:100|ms\nt:300|ms\nh:5|h\nusers:a|s\nusers:b|s\nusers:a|s');
  assert.deepEqual(values(aggregate), {
    't{"quantile":"0.5"}': 0.1,
    't{"quantile":"0.95"}': 0.3,
    't{"quantile":"0.99"}': 0.3,
    t_sum: 0.4,
    t_count: 2,
    'h{"quantile":"0.5"}': 5,
    'h{"quantile":"0.95"}': 5,
    'h{"quantile":"0.99"}': 5,
    h_sum: 5,
    h_count: 1,
    users: 2,
  });
  const later = values(aggregate);
  assert.deepEqual([later['t_count'], later['users'], later['t{"quantile":"0.5"}']], [2, 0, Number.NaN]);
});

test('tags of Influx are labels', () => {
  const aggregate = new StatsdAggregate();
  aggregate.take('requests,route=/orders,host=a:3|c');
  assert.deepEqual(values(aggregate), { 'requests{"route":"/orders","host":"a"}': 3 });
});

test('DogStatsD tags are labels, several values are one line', () => {
  const aggregate = new StatsdAggregate();
  aggregate.take('x:1:2|c|#env:prod,9lives:y,__proto__:z');
  assert.deepEqual(values(aggregate), { 'x{"env":"prod","_9lives":"y"}': 3 });
});

test('what is no StatsD is counted, and so is a name with two types', () => {
  const aggregate = new StatsdAggregate();
  for (const line of ['nonsense', 'x:|c', 'x:1', 'x:1|q', 'x:abc|c', 'x:1|c|@0', 'x:1|c|@2', ':1|c']) {
    assert.equal(readStatsdLine(line), undefined, line);
    aggregate.take(line);
  }
  assert.equal(aggregate.invalid, 8);
  aggregate.take('x:1|c\nx:1|g');
  assert.deepEqual([aggregate.dropped, aggregate.received], [1, 2]);
  assert.deepEqual(values(aggregate), { x: 1 });
});

test('series are bounded', () => {
  const aggregate = new StatsdAggregate();
  for (let index = 0; index < 10_001; index += 1) aggregate.take(`m${index}:1|c`);
  assert.equal(aggregate.dropped, 1);
});
