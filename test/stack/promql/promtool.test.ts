/** `promtool query`, Prometheus's own client, takes the local stack for a Prometheus. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { available, backendPath } from '../../backends/directory.ts';
import { startQueryServer } from './query-server.ts';

const AT = 1_790_000_000_000;
const SECONDS = AT / 1000;

test('promtool query: instant, range, series and labels', { skip: available('promtool') }, async () => {
  const samples = [1, 2, 3].flatMap((value) =>
    ['a', 'b'].map((shop) => ({
      labels: { __name__: 'orders_total', shop },
      value: value * 10,
      timestamp: AT - (3 - value) * 15_000,
    })),
  );
  await using server = await startQueryServer(samples);
  const promtool = async (...parameters: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(backendPath('promtool'), ['query', ...parameters]);
    return stdout.trim();
  };
  const range = [`--start=${SECONDS - 30}`, `--end=${SECONDS}`];
  assert.equal(
    await promtool('instant', `--time=${SECONDS}`, server.url, 'sum by (shop) (orders_total)'),
    `{shop="a"} => 30 @[${SECONDS}]\n{shop="b"} => 30 @[${SECONDS}]`,
  );
  assert.equal(
    await promtool('range', ...range, '--step=15s', server.url, 'sum(orders_total)'),
    `{} =>\n20 @[${SECONDS - 30}]\n40 @[${SECONDS - 15}]\n60 @[${SECONDS}]`,
  );
  assert.equal(
    await promtool('series', '--match=orders_total{shop=~"a|c"}', ...range, server.url),
    '{__name__="orders_total", shop="a"}',
  );
  assert.equal(await promtool('labels', ...range, server.url, 'shop'), 'a\nb');
  await assert.rejects(promtool('instant', server.url, 'sum('), /parse error: unclosed left parenthesis/);
  assert.deepEqual(server.bugs, []);
});
