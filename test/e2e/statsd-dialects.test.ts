/** One service with the one line: the same requests through `/metrics` and through StatsD and a real statsd_exporter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { available } from '../backends/directory.ts';
import { startStatsdExporter } from '../backends/statsd-exporter.ts';
import { sightline } from '../cli/command-line.ts';
import { type ParsedFamily, parsePage } from '../metrics/page-parser.ts';
import { announcedAdmin } from '../support/announced.ts';
import { startChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const skip = available('statsd-exporter');
const REQUESTS = 'http_server_request_duration_seconds';

const APP = `import express from 'express';
const app = express();
app.get('/orders/:id', (request, response) => response.status(request.params.id === '7' ? 404 : 200).end());
app.get('/boom', () => { throw new Error('boom'); });
const server = app.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

/** Requests by route and class of status. */
function totals(family: ParsedFamily | undefined, routeOf: (route: string) => string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, labels, value } of family?.samples ?? []) {
    if (name !== `${REQUESTS}_count`) continue;
    const key = `${routeOf(labels['http_route'] ?? '')} ${labels['http_response_status_code']?.[0]}xx`;
    found[key] = (found[key] ?? 0) + value;
  }
  return found;
}

const CASES = [
  {
    dialect: 'hierarchy',
    transport: 'tcp',
    mapping: 'mapping.yml',
    routeOf: (route: string) => (route === '/boom' ? 'get_boom' : 'get_orders_id'),
  },
  { dialect: 'dogstatsd', transport: 'udp', mapping: 'mapping-dogstatsd.yml', routeOf: (route: string) => route },
  {
    dialect: 'influx',
    transport: 'tcp',
    mapping: 'mapping-influx.yml',
    routeOf: (route: string) => route.replace(':', '_'),
  },
] as const;

for (const { dialect, transport, mapping, routeOf } of CASES) {
  test(`${dialect} over ${transport}: equal totals by route and outcome, and lint sees that both are scraped`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const exporter = await startStatsdExporter(
      fileURLToPath(new URL(`../../deploy/statsd/${mapping}`, import.meta.url)),
    );
    t.after(() => exporter.stop());
    const dataDirectory = temporaryDirectory('dialects');
    const child = startChild({
      cwd: createProject({ name: 'shop', type: 'module', files: { 'app.js': APP }, packages: ['express'] }),
      args: ['--import', 'sightline/register', 'app.js'],
      env: {
        SIGHTLINE_METRICS: 'prometheus,statsd',
        SIGHTLINE_STATSD_DIALECT: dialect,
        SIGHTLINE_STATSD_URL: transport === 'udp' ? exporter.statsdUrl : `tcp://127.0.0.1:${exporter.tcpPort}`,
        SIGHTLINE_DATA_DIR: dataDirectory,
        SIGHTLINE_ADMIN_PORT: '0',
        SIGHTLINE_LOGS: 'none',
        OTEL_TRACES_EXPORTER: 'none',
        NODE_ENV: 'production',
      },
    });
    t.after(() => child.stop());
    const port = (await child.line(/listening on (\d+)/))[1];
    for (let n = 0; n < 60; n += 1) {
      const path = n % 10 === 9 ? '/boom' : `/orders/${n % 8}`;
      await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
    }
    const admin = await announcedAdmin(dataDirectory);
    const ours = totals(parsePage(await (await fetch(`${admin}/metrics`)).text(), 'text').get(REQUESTS), routeOf);
    assert.equal(
      Object.values(ours).reduce((all, count) => all + count, 0),
      60,
    );
    await eventually(
      'the same totals',
      async () => {
        const theirs = totals(parsePage(await exporter.metrics(), 'text').get(REQUESTS), (route) => route);
        assert.deepEqual(theirs, ours);
        return true;
      },
      { timeoutMillis: 20_000 },
    );
    const lint = await sightline(['lint', 'metrics', `${admin}/metrics`, `${exporter.url}/metrics`, '--json']);
    const findings = JSON.parse(lint.stdout).pages.flatMap(
      (page: { findings: { code: string; message: string }[] }) => page.findings,
    );
    assert.equal(lint.code, 1);
    assert.match(
      findings.find(({ code }: { code: string }) => code === 'both-paths')?.message ?? '',
      /service shop is counted twice/,
    );
    const own = await sightline(['lint', 'metrics', `${admin}/metrics`]);
    assert.equal(own.code, 0, own.stdout);
  });
}
