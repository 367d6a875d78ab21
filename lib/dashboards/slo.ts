import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { stat, timeseries } from './panels.ts';
import {
  availabilityRatio,
  FAILURE_RATE,
  latencyRatio,
  requestRate,
  SLOW_RATE,
  type Window,
} from './rules/recording.ts';

const CHOSEN = 'job=~"$job"';

/** Objectives and what is left of the error budget, from the recording rules. */
export function slo(config: DashboardConfig): Dashboard {
  const { availability, latency, latencySeconds } = config.objectives;
  // By requests, not by time: a quiet night does not count as much as a day.
  const left = (bad: string, objective: number): string =>
    `1 - sum_over_time(${bad}{${CHOSEN}}[30d]) / sum_over_time(${requestRate('5m')}{${CHOSEN}}[30d]) / ${round(1 - objective)}`;
  const burn = (ratio: (window: Window) => string, window: Window, objective: number): string =>
    `${ratio(window)}{${CHOSEN}} / ${round(1 - objective)}`;
  const budget = (title: string, description: string, expr: string): ReturnType<typeof stat> =>
    stat({
      title,
      description,
      queries: [{ expr, legend: '{{job}}', instant: true }],
      unit: 'percentunit',
      width: 12,
      thresholds: [
        [null, 'red'],
        [0.1, 'orange'],
        [0.5, 'green'],
      ],
      sparkline: false,
      noValue: 'needs the recording rules',
    });
  return dashboard({
    config,
    name: 'slo',
    title: 'Objectives and error budget',
    description: 'Availability and latency against their objectives over 30 days; burn rates as the alerts see them.',
    jobsOf: requestRate('5m'),
    // An objective is one of the service, not of a process.
    instances: false,
    rows: [
      {
        title: 'Error budget left, 30 days',
        panels: [
          budget('Availability', `${percent(availability)} of requests without 5xx.`, left(FAILURE_RATE, availability)),
          budget('Latency', `${percent(latency)} of requests within ${latencySeconds} s.`, left(SLOW_RATE, latency)),
        ],
      },
      {
        title: 'Burn rate (1 spends exactly the budget)',
        panels: [
          timeseries({
            title: 'Availability',
            description: 'Above 14.4 over an hour, a budget of 30 days is gone in two days: that pages.',
            queries: [
              { expr: burn(availabilityRatio, '1h', availability), legend: '1 h {{job}}' },
              { expr: burn(availabilityRatio, '6h', availability), legend: '6 h {{job}}' },
            ],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [14.4, 'red'],
            ],
            noValue: 'needs the recording rules',
          }),
          timeseries({
            title: 'Latency',
            description: 'The same for requests that took too long.',
            queries: [
              { expr: burn(latencyRatio, '1h', latency), legend: '1 h {{job}}' },
              { expr: burn(latencyRatio, '6h', latency), legend: '6 h {{job}}' },
            ],
            unit: 'short',
            thresholds: [
              [null, 'green'],
              [14.4, 'red'],
            ],
            noValue: 'needs the recording rules',
          }),
        ],
      },
    ],
  });
}

function percent(share: number): string {
  return `${round(share * 100)} %`;
}

/** Without the tail that binary fractions leave. */
export function round(value: number): number {
  return Number(value.toPrecision(6));
}
