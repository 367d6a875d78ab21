import type { DashboardConfig } from './config.ts';
import { dashboard, linkTo } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { CLIENT_ERROR, FAILED, foreign, grown, name, SELECTED, SERVER } from './names.ts';
import { stat, table, timeseries } from './panels.ts';
import { errorShare, requestRate } from './request-stats.ts';

/** All services at a glance: which one is not well, and the way to it. */
export function services(config: DashboardConfig): Dashboard {
  const rate = (more = ''): string => `sum by (job) (rate(${SERVER.count}{${SELECTED}${more}}[$__rate_interval]))`;
  const failures = `${rate(`, ${FAILED}`)} / ${rate()}`;
  const p95 = `histogram_quantile(0.95, sum by (job, le) (rate(${SERVER.bucket}{${SELECTED}}[$__rate_interval])))`;
  const toService = linkTo(config, 'service', {
    title: 'Open service ${__field.labels.job}',
    parameters: { 'var-job': '${__field.labels.job}' },
  });
  return dashboard({
    config,
    name: 'services',
    title: 'Services',
    description: 'Rate, errors and duration of every service, and what fires.',
    rows: [
      {
        title: 'Now',
        panels: [
          stat({
            title: 'Services up',
            description: 'Scraped processes that answer.',
            queries: [{ expr: `sum(${foreign('up')}{${SELECTED}})`, legend: 'up' }],
            unit: 'short',
            noValue: 'not scraped: by StatsD or pushed',
          }),
          requestRate('Requests a second, all services together.'),
          errorShare(),
          stat({
            title: 'Slowest service, p95',
            description: '95th percentile of the service that is slowest now.',
            queries: [{ expr: `max(${p95})`, legend: 'p95' }],
            unit: 's',
          }),
          stat({
            title: 'Alerts firing',
            description: 'Alerts of these services that fire now.',
            queries: [
              { expr: `count(${foreign('ALERTS')}{alertstate="firing", job=~"$job"}) or vector(0)`, legend: 'alerts' },
            ],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [1, 'red'],
            ],
          }),
          stat({
            title: 'Uncaught errors, 1 h',
            description: 'Exceptions and rejections that nobody handled in the last hour.',
            queries: [
              { expr: `sum${grown(`${name('uncaughtErrors')}{${SELECTED}}`, '1h')} or vector(0)`, legend: 'errors' },
            ],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
        ],
      },
      {
        title: 'Each service',
        panels: [
          table({
            title: 'Rate, errors, duration',
            description: 'The newest values of each service; a row leads to its page.',
            queries: [
              { expr: rate() },
              { expr: `${failures} or 0 * ${rate()}` },
              { expr: p95 },
              { expr: `sum by (job) (${name('httpServerActiveRequests')}{${SELECTED}})` },
            ],
            unit: 'short',
            columns: {
              job: 'Service',
              'Value #A': 'Requests/s',
              'Value #B': 'Errors',
              'Value #C': 'p95',
              'Value #D': 'Active',
            },
            overrides: [
              {
                matcher: { id: 'byName', options: 'Service' },
                properties: [
                  {
                    id: 'links',
                    value: [
                      linkTo(config, 'service', {
                        title: 'Open ${__value.text}',
                        parameters: { 'var-job': '${__value.text}' },
                      }),
                    ],
                  },
                ],
              },
              { matcher: { id: 'byName', options: 'Requests/s' }, properties: [{ id: 'unit', value: 'reqps' }] },
              { matcher: { id: 'byName', options: 'Errors' }, properties: [{ id: 'unit', value: 'percentunit' }] },
              { matcher: { id: 'byName', options: 'p95' }, properties: [{ id: 'unit', value: 's' }] },
            ],
          }),
          timeseries({
            title: 'Requests',
            description: 'Requests a second by service.',
            queries: [{ expr: rate(), legend: '{{job}}' }],
            unit: 'reqps',
            links: [toService],
          }),
          timeseries({
            title: 'Server errors',
            description: 'Share of requests answered with 5xx, by service.',
            queries: [{ expr: `${failures} or 0 * ${rate()}`, legend: '{{job}}' }],
            unit: 'percentunit',
            links: [toService],
          }),
          timeseries({
            title: 'Client errors',
            description: 'Share of requests answered with 4xx, by service.',
            queries: [{ expr: `${rate(`, ${CLIENT_ERROR}`)} / ${rate()} or 0 * ${rate()}`, legend: '{{job}}' }],
            unit: 'percentunit',
            links: [toService],
          }),
          timeseries({
            title: 'Duration, p95',
            description: '95th percentile by service.',
            queries: [{ expr: p95, legend: '{{job}}' }],
            unit: 's',
            links: [toService],
          }),
        ],
      },
    ],
  });
}
