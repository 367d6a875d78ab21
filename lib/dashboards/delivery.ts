import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { grown, name, SELECTED } from './names.ts';
import { stat, table, timeseries } from './panels.ts';

/** The ledger: what became of every log line and span. */
export function delivery(config: DashboardConfig): Dashboard {
  const records = name('telemetryRecords');
  const total = (outcome: string): string =>
    `sum${grown(`${records}{${SELECTED}, outcome="${outcome}"}`, '$__range')} or vector(0)`;
  return dashboard({
    config,
    name: 'delivery',
    title: 'Delivery of telemetry',
    description: 'accepted = delivered + sent unconfirmed + on disk + dead letters + dropped, by reason.',
    jobsOf: records,
    rows: [
      {
        title: 'In the chosen time',
        panels: [
          stat({
            title: 'Accepted',
            description: 'Records taken.',
            queries: [{ expr: total('accepted'), legend: 'accepted' }],
            unit: 'short',
          }),
          stat({
            title: 'Delivered',
            description: 'Records acknowledged by a backend.',
            queries: [{ expr: total('delivered'), legend: 'delivered' }],
            unit: 'short',
          }),
          stat({
            title: 'Dead letters',
            description: 'Records that a backend refused for good; kept on disk with the reason.',
            queries: [{ expr: total('dead_lettered'), legend: 'dead letters' }],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [1, 'orange'],
            ],
          }),
          stat({
            title: 'Dropped',
            description: 'Records that are lost, each counted with its reason.',
            queries: [{ expr: total('dropped'), legend: 'dropped' }],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [1, 'red'],
            ],
          }),
          stat({
            title: 'Waiting on disk',
            description: 'Bytes of all journals.',
            queries: [{ expr: `sum(${name('telemetryJournalBytes')}{${SELECTED}})`, legend: 'bytes' }],
            unit: 'bytes',
          }),
          stat({
            title: 'Oldest unsent',
            description: 'Age of the oldest record that no backend has acknowledged.',
            queries: [{ expr: `max(${name('telemetryOldestUnsent')}{${SELECTED}})`, legend: 'age' }],
            unit: 's',
            thresholds: [
              [null, 'green'],
              [60, 'orange'],
              [600, 'red'],
            ],
          }),
        ],
      },
      {
        title: 'Over time',
        panels: [
          timeseries({
            title: 'Accepted and delivered',
            description: 'Records a second by signal.',
            queries: [
              {
                expr: `sum by (signal) (rate(${records}{${SELECTED}, outcome="accepted"}[$__rate_interval]))`,
                legend: 'accepted {{signal}}',
              },
              {
                expr: `sum by (signal) (rate(${records}{${SELECTED}, outcome="delivered"}[$__rate_interval]))`,
                legend: 'delivered {{signal}}',
              },
            ],
            unit: 'cps',
          }),
          timeseries({
            title: 'Dropped and dead letters',
            description: 'Records a second by reason.',
            queries: [
              {
                expr: `sum by (signal, reason) (rate(${records}{${SELECTED}, outcome="dropped"}[$__rate_interval])) > 0`,
                legend: 'dropped {{signal}} {{reason}}',
              },
              {
                expr: `sum by (signal) (rate(${records}{${SELECTED}, outcome="dead_lettered"}[$__rate_interval])) > 0`,
                legend: 'dead letters {{signal}}',
              },
            ],
            unit: 'cps',
            noValue: 'none',
          }),
          timeseries({
            title: 'Journal',
            description: 'Bytes on disk by process.',
            queries: [
              { expr: `sum by (instance) (${name('telemetryJournalBytes')}{${SELECTED}})`, legend: '{{instance}}' },
            ],
            unit: 'bytes',
          }),
          timeseries({
            title: 'Oldest unsent',
            description: 'Age of the oldest record by process.',
            queries: [
              { expr: `max by (instance) (${name('telemetryOldestUnsent')}{${SELECTED}})`, legend: '{{instance}}' },
            ],
            unit: 's',
          }),
          timeseries({
            title: 'StatsD and pushes',
            description: 'Packets and pages a second by what became of them: best effort.',
            queries: [
              {
                expr: `sum by (outcome) (rate(${name('statsdPackets')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'StatsD {{outcome}}',
              },
              {
                expr: `sum by (outcome) (rate(${name('metricPushes')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'push {{outcome}}',
              },
            ],
            unit: 'cps',
            noValue: 'StatsD and pushes are off',
          }),
          timeseries({
            title: 'What observation refused',
            description: 'Bad values, series over the limit, rejected IDs, bugs caught.',
            queries: [
              { expr: `sum(rate(${name('valuesRejected')}{${SELECTED}}[$__rate_interval]))`, legend: 'bad values' },
              {
                expr: `sum(rate(${name('seriesOverLimit')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'series over the limit',
              },
              {
                expr: `sum(rate(${name('familiesDropped')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'families left out',
              },
              {
                expr: `sum(rate(${name('correlationIdsRejected')}{${SELECTED}}[$__rate_interval]))`,
                legend: 'IDs rejected',
              },
              { expr: `sum(rate(${name('internalErrors')}{${SELECTED}}[$__rate_interval]))`, legend: 'bugs caught' },
            ],
            unit: 'cps',
            noValue: 'nothing',
          }),
          table({
            title: 'Processes',
            description: 'The ledger of each process since it started.',
            queries: [
              { expr: `sum by (job, instance) (${records}{${SELECTED}, outcome="accepted"})` },
              { expr: `sum by (job, instance) (${records}{${SELECTED}, outcome="delivered"})` },
              { expr: `sum by (job, instance) (${records}{${SELECTED}, outcome="dead_lettered"})` },
              {
                expr: `sum by (job, instance) (${records}{${SELECTED}, outcome="dropped"}) or 0 * sum by (job, instance) (${records}{${SELECTED}, outcome="accepted"})`,
              },
            ],
            unit: 'short',
            columns: {
              job: 'Service',
              instance: 'Instance',
              'Value #A': 'Accepted',
              'Value #B': 'Delivered',
              'Value #C': 'Dead letters',
              'Value #D': 'Dropped',
            },
          }),
        ],
      },
    ],
  });
}
