import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate } from '../../lib/metrics/accept.ts';

const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3';
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

test('which format a scraper gets', () => {
  const cases: [string | undefined, 'text' | 'openmetrics'][] = [
    [undefined, 'text'],
    ['', 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text'],
    ['application/json', 'text'],
    [PROMETHEUS_3, 'openmetrics'],
    [PROMETHEUS_2, 'openmetrics'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text; version="1.0.0"', 'openmetrics'],
    ['APPLICATION/OPENMETRICS-TEXT;VERSION=1.0.0;Q=1', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1', 'text'],
    ['application/openmetrics-text;version=0.0.1,*/*;q=0.1', 'text'],
    ['text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8', 'text'],
    ['text/plain,application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=0,*/*', 'text'],
    ['text/plain;q=0,application/*', 'openmetrics'],
    ['application/openmetrics-text;q=7', 'text'],
    ['application/openmetrics-text;q=x', 'text'],
    [';;;,/,a/b;q', 'text'],
    [`application/openmetrics-text${' '.repeat(5000)}`, 'text'],
  ];
  for (const [accept, wanted] of cases) assert.equal(negotiate(accept), wanted, String(accept));
});
