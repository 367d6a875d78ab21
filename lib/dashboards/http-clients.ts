import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { CLIENT, SELECTED } from './names.ts';
import { heatmap, table, timeseries } from './panels.ts';

/** Outbound HTTP: whom a service calls, how it goes. */
export function httpClients(config: DashboardConfig): Dashboard {
  const rate = (by: string, more = ''): string =>
    `sum by (${by}) (rate(${CLIENT.count}{${SELECTED}${more}}[$__rate_interval]))`;
  const failed = ', http_response_status_code=~"5.*|"';
  return dashboard({
    config,
    name: 'clients',
    title: 'HTTP clients',
    description: 'Rate, errors and duration of the requests that services send.',
    jobsOf: CLIENT.count,
    rows: [
      {
        title: 'Hosts',
        panels: [
          table({
            title: 'Hosts',
            description: 'Each host that is called; errors are 5xx and calls without an answer.',
            queries: [
              { expr: rate('job, server_address') },
              { expr: `${rate('job, server_address', failed)} / ${rate('job, server_address')}` },
              {
                expr: `histogram_quantile(0.95, sum by (job, server_address, le) (rate(${CLIENT.bucket}{${SELECTED}}[$__rate_interval])))`,
              },
            ],
            unit: 'short',
            columns: {
              job: 'Service',
              server_address: 'Host',
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
            title: 'Requests by host',
            description: 'Requests a second by host.',
            queries: [{ expr: rate('server_address'), legend: '{{server_address}}' }],
            unit: 'reqps',
          }),
          timeseries({
            title: 'Requests by status',
            description: 'Requests a second by status; without one there was no answer.',
            queries: [{ expr: rate('http_response_status_code'), legend: '{{http_response_status_code}}' }],
            unit: 'reqps',
            stack: true,
          }),
          timeseries({
            title: 'Calls without an answer',
            description: 'By what went wrong: refused, reset, timed out.',
            queries: [
              {
                expr: rate('server_address, error_type', ', http_response_status_code=""'),
                legend: '{{server_address}} {{error_type}}',
              },
            ],
            unit: 'reqps',
            noValue: 'all were answered',
          }),
          heatmap({
            title: 'Duration',
            description: 'How many calls took how long; a dot leads to a trace.',
            queries: [
              {
                expr: `sum by (le) (increase(${CLIENT.bucket}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{le}}',
                exemplars: true,
              },
            ],
            unit: 's',
          }),
        ],
      },
    ],
  });
}
