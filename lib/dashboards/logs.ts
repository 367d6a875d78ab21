import type { DashboardConfig } from './config.ts';
import { dashboard, textVariable } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { name, SELECTED } from './names.ts';
import { logCounts, logs, timeseries } from './panels.ts';

const QUERY = 'service.name:/${job:regex}/ AND ${query:raw}';

/** Log lines of all services, searched by a Lucene query. */
export function logLines(config: DashboardConfig): Dashboard {
  return dashboard({
    config,
    name: 'logs',
    title: 'Logs',
    description: 'Log lines in Elasticsearch, by level and service.',
    dataSources: ['elasticsearch'],
    jobsOf: name('logLines'),
    variables: [{ ...textVariable('query', 'Lucene query'), query: '*', current: { text: '*', value: '*' } }],
    rows: [
      {
        title: 'How many',
        panels: [
          logCounts({
            title: 'Lines by level',
            description: 'Lines that match, by level.',
            query: QUERY,
            field: 'log.level',
          }),
          logCounts({
            title: 'Lines by service',
            description: 'Lines that match, by service.',
            query: QUERY,
            field: 'service.name',
          }),
          timeseries({
            title: 'Lines made',
            description: 'Lines a second by level as the services count them, whether they have arrived or not.',
            queries: [
              {
                expr: `sum by (level) (rate(${name('logLines')}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{level}}',
              },
            ],
            unit: 'cps',
            width: 24,
            height: 6,
          }),
        ],
      },
      {
        title: 'Lines',
        panels: [logs({ title: 'Lines', description: 'The newest lines that match.', query: QUERY, height: 18 })],
      },
    ],
  });
}
