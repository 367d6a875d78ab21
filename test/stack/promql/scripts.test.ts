/** PromQL by scripts in Prometheus's own test language, a file for each family of functions and operators. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FUNCTIONS } from '../../../lib/stack/query/promql/syntax/function-table.ts';
import { AGGREGATORS, OPERATORS } from '../../../lib/stack/query/promql/syntax/tokens.ts';
import { runScript } from '../../../scripts/promqltest/runner.ts';

const DIRECTORY = join(import.meta.dirname, 'scripts');
const SCRIPTS = readdirSync(DIRECTORY).sort();

for (const name of SCRIPTS) {
  test(`${name}: every evaluation gives what the script expects`, () => {
    const { passed, failures } = runScript(readFileSync(join(DIRECTORY, name), 'utf8'));
    assert.deepEqual(failures, []);
    assert.ok(passed > 0);
  });
}

test('no stable function, aggregation or operator is without a script', () => {
  const text = SCRIPTS.map((name) => readFileSync(join(DIRECTORY, name), 'utf8')).join('\n');
  const stable = [...FUNCTIONS.values()].filter(({ experimental }) => !experimental).map(({ name }) => name);
  assert.deepEqual(
    [...stable, ...AGGREGATORS.filter((one) => !one.startsWith('limit'))].filter(
      (word) => !new RegExp(`\\b${word}\\b`).test(text),
    ),
    ['histogram_avg', 'histogram_sum', 'histogram_stddev', 'histogram_stdvar'],
    'all but those of native histograms, which answer alike',
  );
  assert.deepEqual(
    OPERATORS.filter(
      (operator) => !text.includes(` ${operator} `) && !operator.includes('</') && !operator.includes('>/'),
    ),
    [],
  );
});

test('a runner that finds a wrong value, label, order, annotation or failure says so', () => {
  const outcome = runScript(`load 1m
  x{n="1"} 1
  x{n="2"} 2

eval instant at 0 x{n="1"}
  x{n="1"} 1.00001

eval instant at 0 x
  x{n="1"} 1

eval instant at 0 x{n="1"}
  x{n="1"} 1
  x{n="2"} 2

eval instant at 0 sort_desc(x)
  expect ordered
  x{n="1"} 1
  x{n="2"} 2

eval instant at 0 quantile(2, x)
  expect no_warn
  {} +Inf

eval instant at 0 x{n="1"}
  expect fail

eval range from 0 to 1m step 1m x{n="1"}
  x{n="1"} 1 2

eval instant at 0 x{{

clear

eval instant at 0 x

load 1m
  x {{count:1}}

eval instant at 0 x
  x {{count:1}}`);
  assert.deepEqual(
    outcome.failures.map(({ line }) => line),
    [5, 8, 11, 15, 20, 24, 27, 30],
  );
  assert.deepEqual([outcome.passed, [...outcome.unsupported]], [1, [['native histograms', 1]]]);
});
