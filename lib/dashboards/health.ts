import type { DashboardConfig } from './config.ts';
import { dashboard } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { name, SELECTED } from './names.ts';
import { timeseries } from './panels.ts';

/** The four rolling facts of `/health`, as numbers over time. */
export function health(config: DashboardConfig): Dashboard {
  return dashboard({
    config,
    name: 'health',
    title: 'Health',
    description: 'What /health says: response time, connections, bad requests, delivery.',
    jobsOf: name('healthConnections'),
    rows: [
      {
        title: 'The facts of /health',
        panels: [
          timeseries({
            title: 'Response time, mean and p95',
            description: 'Rolling, over the last minute, by process.',
            queries: [
              {
                expr: `max by (instance) (${name('healthResponseTimeMean')}{${SELECTED}})`,
                legend: 'mean {{instance}}',
              },
              { expr: `max by (instance) (${name('healthResponseTimeP95')}{${SELECTED}})`, legend: 'p95 {{instance}}' },
            ],
            unit: 's',
          }),
          timeseries({
            title: 'Connections',
            description: 'Open connections of the HTTP servers.',
            queries: [
              { expr: `sum by (instance) (${name('healthConnections')}{${SELECTED}})`, legend: '{{instance}}' },
            ],
            unit: 'short',
          }),
          timeseries({
            title: 'Bad requests',
            description: 'Responses in the last minute by class.',
            queries: [{ expr: `sum by (class) (${name('healthBadRequests')}{${SELECTED}})`, legend: '{{class}}' }],
            unit: 'short',
          }),
          timeseries({
            title: 'Backends of telemetry',
            description: '1 while a backend takes what is sent.',
            queries: [
              {
                expr: `min by (job, signal) (${name('telemetryCourierUp')}{${SELECTED}})`,
                legend: '{{job}} {{signal}}',
              },
            ],
            unit: 'short',
            max: 1,
          }),
        ],
      },
    ],
  });
}
