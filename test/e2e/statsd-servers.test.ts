/**
 * One service with the one line: the same requests on `/metrics` and, by StatsD, in the servers that people have. The
 * hierarchy goes through the StatsD daemon into Graphite's files, tags of Influx through Telegraf into InfluxDB.
 */
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { available } from '../backends/directory.ts';
import { type Graphite, startGraphite } from '../backends/graphite.ts';
import { type InfluxDb, startInfluxDb } from '../backends/influxdb.ts';
import { STATSD, type Statsd, startStatsd } from '../backends/statsd.ts';
import { startTelegraf, TELEGRAF_DATABASE } from '../backends/telegraf.ts';
import { type ParsedFamily, parsePage } from '../metrics/page-parser.ts';
import { announcedAdmin } from '../support/announced.ts';
import { startChild } from '../support/child.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const REQUESTS = 60;
const FAMILY = 'http_server_request_duration_seconds';
/** For the last sums to be flushed and written. */
const TIMEOUT_MILLIS = 60_000;

const APP = `import express from 'express';
const app = express();
app.get('/orders/:id', (request, response) => response.status(request.params.id === '7' ? 404 : 200).end());
app.get('/boom', () => { throw new Error('boom'); });
const server = app.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

type Totals = Record<string, number>;

/** By route and class of status, as `/metrics` says. */
function totalsOf(family: ParsedFamily | undefined): Totals {
  const found: Totals = {};
  for (const { name, labels, value } of family?.samples ?? []) {
    if (name !== `${FAMILY}_count`) continue;
    const key = `${labels['http_route']} ${labels['http_response_status_code']?.[0]}xx`;
    found[key] = (found[key] ?? 0) + value;
  }
  return found;
}

/** Runs the service, sends the requests. @returns what its own page says */
async function requestsOf(t: TestContext, env: Record<string, string>): Promise<Totals> {
  const dataDirectory = temporaryDirectory('statsd-servers');
  const child = startChild({
    cwd: createProject({ name: 'shop', type: 'module', files: { 'app.js': APP }, packages: ['express'] }),
    args: ['--import', 'sightline/register', 'app.js'],
    env: {
      SIGHTLINE_METRICS: 'prometheus,statsd',
      SIGHTLINE_ENVIRONMENT: 'prod',
      SIGHTLINE_HOST: 'server1.example.com',
      SIGHTLINE_DATA_DIR: dataDirectory,
      SIGHTLINE_ADMIN_PORT: '0',
      SIGHTLINE_LOGS: 'none',
      OTEL_TRACES_EXPORTER: 'none',
      NODE_ENV: 'production',
      ...env,
    },
    timeoutMillis: 3 * TIMEOUT_MILLIS,
  });
  t.after(() => child.stop());
  const port = (await child.line(/listening on (\d+)/))[1];
  for (let n = 0; n < REQUESTS; n += 1) {
    const path = n % 10 === 9 ? '/boom' : `/orders/${n % 8}`;
    await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
  }
  const page = await (await fetch(`${await announcedAdmin(dataDirectory)}/metrics`)).text();
  const totals = totalsOf(parsePage(page, 'text').get(FAMILY));
  assert.equal(
    Object.values(totals).reduce((all, count) => all + count, 0),
    REQUESTS,
  );
  return totals;
}

suite('hierarchy', { skip: STATSD.missing ?? available('graphite') }, () => {
  let graphite: Graphite;
  let statsd: Statsd;
  before(async () => {
    graphite = await startGraphite();
    statsd = await startStatsd(graphite.linePort);
  });
  after(async () => {
    await statsd?.stop();
    await graphite?.stop();
  });

  async function sum(name: string): Promise<number> {
    return (await graphite.values(name)).reduce((all, value) => all + value, 0);
  }

  for (const transport of ['udp', 'tcp', 'unix'] as const) {
    test(`through the StatsD daemon over ${transport} into Graphite: equal totals by route and outcome`, async (t) => {
      const service = `shop-${transport}`;
      const ours = await requestsOf(t, { SIGHTLINE_STATSD_URL: statsd.urls[transport], OTEL_SERVICE_NAME: service });
      const prefix = `prod.server1_example_com.${service}.handlers`;
      const expected: Totals = {
        [`counters.${prefix}.get_orders_id.ok.count`]: ours['/orders/:id 2xx'] ?? 0,
        [`counters.${prefix}.get_orders_id.bad_request.count`]: ours['/orders/:id 4xx'] ?? 0,
        [`counters.${prefix}.get_boom.error.count`]: ours['/boom 5xx'] ?? 0,
        [`timers.${prefix}.get_orders_id.timing.count`]:
          (ours['/orders/:id 2xx'] ?? 0) + (ours['/orders/:id 4xx'] ?? 0),
        [`timers.${prefix}.get_orders_id.timing_ok.count`]: ours['/orders/:id 2xx'] ?? 0,
        [`timers.${prefix}.get_boom.timing_error.count`]: ours['/boom 5xx'] ?? 0,
      };
      await eventually(
        'the same totals on disk',
        async () => {
          const found: Totals = {};
          for (const name of Object.keys(expected)) found[name] = await sum(name);
          assert.deepEqual(found, expected);
          return true;
        },
        { timeoutMillis: TIMEOUT_MILLIS, pauseMillis: 500 },
      );
      const counted = graphite
        .names()
        .filter((name) => name.startsWith(`counters.${prefix}.`) && name.endsWith('.count'));
      assert.deepEqual(
        counted.sort(),
        Object.keys(expected)
          .filter((name) => name.startsWith('counters'))
          .sort(),
      );
      const [longest = 0] = (await graphite.values(`timers.${prefix}.get_orders_id.timing.upper`)).toSorted(
        (a, b) => b - a,
      );
      assert.ok(longest > 0 && longest < 60_000, `milliseconds: ${longest}`);
    });
  }

  test('the daemon has read every line', async () => {
    assert.equal(await sum('counters.statsd.bad_lines_seen.count'), 0);
    assert.ok((await sum('counters.statsd.metrics_received.count')) > 0);
  });
});

suite('tags', { skip: available('telegraf', 'influxd') }, () => {
  let influx: InfluxDb;
  before(async () => {
    influx = await startInfluxDb();
  });
  after(() => influx?.stop());

  const cases = [
    { dialect: 'influx', protocol: 'udp', routeOf: (route: string) => route.replaceAll(':', '_') },
    { dialect: 'influx', protocol: 'tcp', routeOf: (route: string) => route.replaceAll(':', '_') },
  ] as const;
  for (const { dialect, protocol, routeOf } of cases) {
    test(`${dialect} over ${protocol} through Telegraf into InfluxDB: equal totals by route and outcome`, async (t) => {
      const telegraf = await startTelegraf({ influxUrl: influx.url, protocol, datadog: false });
      t.after(() => telegraf.stop());
      const service = `shop-${dialect}-${protocol}`;
      const ours = await requestsOf(t, {
        SIGHTLINE_STATSD_URL: telegraf.statsdUrl,
        SIGHTLINE_STATSD_DIALECT: dialect,
        OTEL_SERVICE_NAME: service,
      });
      const expected = Object.fromEntries(Object.entries(ours).map(([key, count]) => [routeOf(key), count]));
      const where = `FROM "http.server.request.duration" WHERE "job" = '${service}'`;
      const rows = await eventually(
        'the same totals in the database',
        async () => {
          const found = await influx.query(
            TELEGRAF_DATABASE,
            `SELECT sum("count") AS total, max("upper") AS longest ${where} GROUP BY "http_route", "http_response_status_code", "environment", "instance", "http_request_method", "url_scheme"`,
          );
          const totals: Totals = {};
          for (const row of found) {
            const key = `${row['http_route']} ${String(row['http_response_status_code'])[0]}xx`;
            totals[key] = (totals[key] ?? 0) + Number(row['total']);
          }
          assert.deepEqual(totals, expected);
          return found;
        },
        { timeoutMillis: TIMEOUT_MILLIS, pauseMillis: 500 },
      );
      for (const row of rows) {
        assert.deepEqual(
          [row['environment'], row['instance'], row['http_request_method'], row['url_scheme']],
          ['prod', 'server1.example.com', 'GET', 'http'],
        );
        assert.ok(Number(row['longest']) > 0 && Number(row['longest']) < 60_000, 'milliseconds');
      }
    });
  }
});
