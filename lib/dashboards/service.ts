import type { DashboardConfig } from './config.ts';
import { dashboard, linkTo } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { CLIENT, either, FAILED, name, runtime, SELECTED, SERVER } from './names.ts';
import { heatmap, logs, stat, table, timeseries } from './panels.ts';
import { errorShare, requestRate } from './request-stats.ts';

/** One service: its routes, how long they take, what fails, what it calls, and its log lines. */
export function service(config: DashboardConfig): Dashboard {
  const rate = (by: string, more = ''): string =>
    `sum by (${by}) (rate(${SERVER.count}{${SELECTED}${more}}[$__rate_interval]))`;
  const quantile = (share: number): string =>
    `histogram_quantile(${share}, sum by (le) (rate(${SERVER.bucket}{${SELECTED}}[$__rate_interval])))`;
  const routeP95 = `histogram_quantile(0.95, sum by (http_route, le) (rate(${SERVER.bucket}{${SELECTED}}[$__rate_interval])))`;
  // Only target_info has the version: as a label of every series, each deployment would begin all of them anew.
  const byVersion = (perInstance: string, more = ''): string =>
    `sum by (${more}service_version) (${perInstance} * on (job, instance) group_left (service_version) max by (job, instance, service_version) (${name('targetInfo')}{${SELECTED}}))`;
  return dashboard({
    config,
    name: 'service',
    title: 'Service',
    description: 'Routes, status, duration with exemplars, saturation and dependencies of one service.',
    dataSources: ['elasticsearch'],
    rows: [
      {
        title: 'Now',
        panels: [
          requestRate('Requests a second.'),
          errorShare(),
          stat({
            title: 'p50',
            description: 'Half of the requests take at most this long.',
            queries: [{ expr: quantile(0.5), legend: 'p50' }],
            unit: 's',
          }),
          stat({
            title: 'p99',
            description: 'One request of a hundred takes longer.',
            queries: [{ expr: quantile(0.99), legend: 'p99' }],
            unit: 's',
          }),
          stat({
            title: 'Active requests',
            description: 'Requests being served now.',
            queries: [{ expr: `sum(${name('httpServerActiveRequests')}{${SELECTED}})`, legend: 'active' }],
            unit: 'short',
          }),
          stat({
            title: 'Instances',
            description: 'Processes that tell about themselves, scraped or by StatsD.',
            queries: [
              {
                expr: `count(count by (instance) (${runtime('nodejs_heap_size_used_bytes')}{${SELECTED}}))`,
                legend: 'instances',
              },
            ],
            unit: 'short',
          }),
        ],
      },
      {
        title: 'Routes',
        panels: [
          timeseries({
            title: 'Requests by status',
            description: 'Requests a second by status.',
            queries: [{ expr: rate('http_response_status_code'), legend: '{{http_response_status_code}}' }],
            unit: 'reqps',
            stack: true,
          }),
          heatmap({
            title: 'Duration',
            description:
              'How many requests took how long. A dot is the trace of a request: it leads to its trace and its log lines.',
            queries: [
              {
                expr: `sum by (le) (increase(${SERVER.bucket}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{le}}',
                exemplars: true,
              },
            ],
            unit: 's',
          }),
          table({
            title: 'Routes',
            description: 'Each route of the service; one without a name matched no route.',
            queries: [
              { expr: rate('http_route, http_request_method') },
              {
                expr: `${rate('http_route, http_request_method', `, ${FAILED}`)} / ${rate('http_route, http_request_method')} or 0 * ${rate('http_route, http_request_method')}`,
              },
              {
                expr: `histogram_quantile(0.95, sum by (http_route, http_request_method, le) (rate(${SERVER.bucket}{${SELECTED}}[$__rate_interval])))`,
              },
            ],
            unit: 'short',
            columns: {
              http_request_method: 'Method',
              http_route: 'Route',
              'Value #A': 'Requests/s',
              'Value #B': 'Errors',
              'Value #C': 'p95',
            },
            overrides: [
              { matcher: { id: 'byName', options: 'Requests/s' }, properties: [{ id: 'unit', value: 'reqps' }] },
              { matcher: { id: 'byName', options: 'Errors' }, properties: [{ id: 'unit', value: 'percentunit' }] },
              { matcher: { id: 'byName', options: 'p95' }, properties: [{ id: 'unit', value: 's' }] },
            ],
          }),
          timeseries({
            title: 'Duration by route, p95',
            description: '95th percentile by route; dots are exemplars.',
            queries: [{ expr: routeP95, legend: '{{http_route}}', exemplars: true }],
            unit: 's',
          }),
          timeseries({
            title: 'Errors by route',
            description: 'Requests a second answered with 5xx, by route.',
            queries: [{ expr: rate('http_route', `, ${FAILED}`), legend: '{{http_route}}' }],
            unit: 'reqps',
            noValue: 'no 5xx',
          }),
        ],
      },
      {
        title: 'Versions',
        panels: [
          timeseries({
            title: 'Requests by version',
            description: 'Requests a second by version: a deployment is where one takes over from the other.',
            queries: [{ expr: byVersion(rate('job, instance')), legend: '{{service_version}}' }],
            unit: 'reqps',
            width: 8,
            stack: true,
            noValue: 'no target_info: by StatsD',
          }),
          timeseries({
            title: 'Server errors by version',
            description: 'Share of requests answered with 5xx, by version.',
            queries: [
              {
                expr: `${byVersion(`(${rate('job, instance', `, ${FAILED}`)} or 0 * ${rate('job, instance')})`)} / ${byVersion(rate('job, instance'))}`,
                legend: '{{service_version}}',
              },
            ],
            unit: 'percentunit',
            width: 8,
            noValue: 'no target_info: by StatsD',
          }),
          timeseries({
            title: 'Duration by version, p95',
            description: '95th percentile by version.',
            queries: [
              {
                expr: `histogram_quantile(0.95, ${byVersion(`sum by (job, instance, le) (rate(${SERVER.bucket}{${SELECTED}}[$__rate_interval]))`, 'le, ')})`,
                legend: '{{service_version}}',
              },
            ],
            unit: 's',
            width: 8,
            noValue: 'no target_info: by StatsD',
          }),
        ],
      },
      {
        title: 'Saturation',
        panels: [
          timeseries({
            title: 'Event loop lag, p99',
            description: 'How late timers come; above 100 ms every request waits.',
            queries: [
              {
                expr: `max by (instance) (${runtime('nodejs_eventloop_lag_p99_seconds')}{${SELECTED}})`,
                legend: '{{instance}}',
              },
            ],
            unit: 's',
            width: 8,
            thresholds: [
              [null, 'green'],
              [0.1, 'red'],
            ],
            links: [linkTo(config, 'runtime', { title: 'Open Node.js', parameters: { 'var-job': '${job}' } })],
          }),
          timeseries({
            title: 'CPU',
            description: 'Cores used by each process.',
            queries: [
              {
                expr: either(
                  'process_cpu_seconds_total',
                  (metric) => `sum by (instance) (rate(${metric}{${SELECTED}}[$__rate_interval]))`,
                ),
                legend: '{{instance}}',
              },
            ],
            unit: 'short',
            width: 8,
          }),
          timeseries({
            title: 'Memory',
            description: 'Resident memory of each process.',
            queries: [
              {
                expr: either('process_resident_memory_bytes', (metric) => `sum by (instance) (${metric}{${SELECTED}})`),
                legend: '{{instance}}',
              },
            ],
            unit: 'bytes',
            width: 8,
          }),
        ],
      },
      {
        title: 'What it calls',
        panels: [
          timeseries({
            title: 'Calls',
            description: 'Requests a second that it sends, by host.',
            queries: [
              {
                expr: `sum by (server_address) (rate(${CLIENT.count}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{server_address}}',
              },
            ],
            unit: 'reqps',
            noValue: 'calls nobody',
            links: [linkTo(config, 'clients', { title: 'Open HTTP clients', parameters: { 'var-job': '${job}' } })],
          }),
          timeseries({
            title: 'Duration of calls, p95',
            description: '95th percentile by host.',
            queries: [
              {
                expr: `histogram_quantile(0.95, sum by (server_address, le) (rate(${CLIENT.bucket}{${SELECTED}}[$__rate_interval])))`,
                legend: '{{server_address}}',
              },
            ],
            unit: 's',
            noValue: 'calls nobody',
          }),
        ],
      },
      {
        title: 'Log lines',
        panels: [
          logs({
            title: 'Warnings and errors',
            description: 'The newest lines of the service at level warn and above; open one for its IDs.',
            query: 'service.name:/${job:regex}/ AND log.level:(warn OR error OR fatal)',
          }),
        ],
      },
    ],
  });
}
