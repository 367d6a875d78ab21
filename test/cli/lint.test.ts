import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Exposition } from '../../lib/metrics/exposition.ts';
import { HttpMetrics } from '../../lib/metrics/http-metrics.ts';
import { registerOwnMetrics } from '../../lib/metrics/own-metrics.ts';
import { MetricRegistry } from '../../lib/metrics/registry.ts';
import { RESOURCE, SPAN_ID, TRACE_ID } from '../metrics/fixtures.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { sightline } from './command-line.ts';

const GOOD = '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 1\n';

function file(text: string): string {
  const path = join(temporaryDirectory('lint'), 'page.txt');
  writeFileSync(path, text);
  return path;
}

test('a good page: exit 0; a bad one: exit 1, a line for each finding with position, code and fix', async () => {
  const good = await sightline(['lint', 'metrics', file(GOOD)]);
  assert.deepEqual([good.code, good.stdout], [0, '']);
  const path = file(`${GOOD}wait_ms 1\n`);
  const bad = await sightline(['lint', 'metrics', path]);
  assert.equal(bad.code, 1);
  assert.deepEqual(bad.stdout.trimEnd().split('\n'), [
    `${path}:4:1: error help: wait_ms: no help text; write # HELP wait_ms and what it counts or measures`,
    `${path}:4:1: error unit-abbreviation: wait_ms: metric names should not contain abbreviated units; name it wait_seconds`,
  ]);
  assert.equal(bad.stderr, '2 errors, 0 warnings\n');
  const { pages, errors } = JSON.parse((await sightline(['lint', 'metrics', path, '--json'])).stdout);
  assert.equal(errors, 2);
  assert.deepEqual(Object.keys(pages[0].findings[0]), [
    'code',
    'origin',
    'severity',
    'line',
    'column',
    'metric',
    'message',
    'fix',
  ]);
});

test('warnings fail only under --strict', async () => {
  const path = file(GOOD.replaceAll('jobs_total', 'jobs__done_total'));
  assert.equal((await sightline(['lint', 'metrics', path])).code, 0);
  assert.equal((await sightline(['lint', 'metrics', path, '--strict'])).code, 1);
});

test('what is used wrongly: exit 2; what cannot be read: exit 1', async () => {
  for (const parameters of [
    ['lint'],
    ['lint', 'metrics'],
    ['lint', 'metric', 'x'],
    ['lint', 'metrics', 'x', '--format', 'y'],
  ])
    assert.equal((await sightline(parameters)).code, 2, parameters.join(' '));
  const absent = await sightline(['lint', 'metrics', '/does/not/exist']);
  assert.deepEqual([absent.code, absent.stderr.startsWith('SIGHTLINE_E_LINT_SOURCE: got ENOENT')], [1, true]);
  const closed = await sightline(['lint', 'metrics', `http://127.0.0.1:${await freePort()}/metrics`]);
  assert.match(closed.stderr, /^SIGHTLINE_E_LINT_SOURCE: got ECONNREFUSED from http/);
});

test('our own page, fetched in both formats, has nothing to be said about', async (t) => {
  const registry = new MetricRegistry();
  const exposition = new Exposition({ registry, resource: RESOURCE });
  exposition.startRuntime();
  registerOwnMetrics({ registry });
  const http = new HttpMetrics({ registry });
  http.serverStarted('GET', 'http');
  const ended = {
    method: 'GET',
    statusCode: 200,
    errorType: undefined,
    durationSeconds: 0.1,
    traceId: TRACE_ID,
    spanId: SPAN_ID,
  };
  http.serverEnded({ ...ended, route: '/orders/:id', scheme: 'http' });
  http.clientEnded({ ...ended, serverAddress: 'api', serverPort: 80 });
  const server = createServer(async (request, response) => {
    const page = await exposition.render(request.headers.accept);
    response.setHeader('content-type', page.contentType).end(page.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { code, stdout } = await sightline([
    'lint',
    'metrics',
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    '--json',
  ]);
  const { pages, errors, warnings } = JSON.parse(stdout);
  assert.deepEqual([code, errors, warnings], [0, 0, 0], stdout);
  assert.deepEqual(
    pages.map(({ format }: { format: string }) => format),
    ['text', 'openmetrics'],
  );
});

test('docs/lint.md has every rule', () => {
  const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
  const documented = new Set([...read('docs/lint.md').matchAll(/^\| `([a-z-]+)` /gm)].map(([, code]) => code));
  const sources = ['line-reader', 'page', 'promtool-rules', 'value-rules', 'own-rules', 'both-paths'];
  const used = sources.flatMap((name) =>
    [
      ...read(`lib/codec/lint/${name}.ts`).matchAll(
        /(?:MalformedLine\(|refuse\(|fail\(|once\(|problems\.push\(\[|return \[\[|code:)\s*'([a-z-]+)'/g,
      ),
    ].map(([, code]) => code),
  );
  assert.ok(used.length > 40);
  for (const code of used) assert.ok(documented.has(code), `${code} is not in docs/lint.md`);
});

test('dashboards and rules: places, codes and fixes; a .lint file beside them; exit codes', async () => {
  const directory = temporaryDirectory('lint');
  const [dashboard, rules] = [join(directory, 'dashboard.json'), join(directory, 'rules.yml')];
  writeFileSync(
    dashboard,
    '{\n  "uid": "sightline-x",\n  "editable": true,\n  "templating": { "list": [] },\n  "panels": []\n}',
  );
  writeFileSync(rules, 'groups:\n  - name: g\n    rules:\n      - record: requests\n        expr: up\n');
  const bad = await sightline(['lint', 'dashboards', dashboard]);
  assert.equal(bad.code, 1);
  assert.deepEqual(bad.stdout.trimEnd().split('\n'), [
    `${dashboard}:3:15: error uneditable-dashboard: can be edited; set editable: false`,
    `${dashboard}:4:17: error template-datasource-rule: does not have a templated data source; add a data source variable prometheus_datasource`,
  ]);
  assert.equal(bad.stderr, '2 errors, 0 warnings\n');
  writeFileSync(
    join(directory, '.lint'),
    'exclusions:\n  uneditable-dashboard:\n    reason: ours\nwarnings:\n  template-datasource-rule:\n',
  );
  const excluded = await sightline(['lint', 'dashboards', dashboard, '--json']);
  assert.equal(excluded.code, 0);
  const { files, errors, warnings } = JSON.parse(excluded.stdout);
  assert.deepEqual([errors, warnings, files[0].findings[0].code], [0, 1, 'template-datasource-rule']);
  assert.equal((await sightline(['lint', 'dashboards', dashboard, '--strict'])).code, 1);
  const ruled = await sightline(['lint', 'rules', rules]);
  assert.equal(ruled.code, 1);
  assert.match(
    ruled.stdout,
    /rules\.yml:4:7: error record-name: requests: requests is not level:metric:operation; name it as /,
  );
  assert.equal((await sightline(['lint', 'rules', `${rules}.none`])).code, 1);
  assert.equal((await sightline(['lint', 'rules', rules, '--format', 'text'])).code, 2);
});
