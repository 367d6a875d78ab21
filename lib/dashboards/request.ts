import type { DashboardConfig } from './config.ts';
import { dashboard, textVariable } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { SELECTED, SERVER } from './names.ts';
import { heatmap, logs, text, timeseries, traces } from './panels.ts';

/** Everything about one request: its trace, its log lines, and the service's numbers around it. */
export function request(config: DashboardConfig): Dashboard {
  return dashboard({
    config,
    name: 'request',
    title: 'Request',
    description: 'One correlation or trace ID over traces, logs and metrics.',
    dataSources: ['elasticsearch', 'zipkin'],
    variables: [textVariable('id', 'Correlation or trace ID'), textVariable('trace', 'Trace ID')],
    rows: [
      {
        title: 'Log lines',
        panels: [
          text({
            title: 'What to enter',
            content:
              'Enter the **ID** that a response carried (`x-correlation-id`) or that a log line has. Without one of its own, a request has its trace ID as correlation ID. With a *correlation* ID, take the trace ID from one of the lines below, `trace.id`, for the trace.',
            height: 3,
          }),
          logs({
            title: 'Log lines',
            description: 'All lines of all services with this ID, newest first.',
            query: 'correlation.id:"$id" OR trace.id:"$id" OR trace.id:"$trace"',
          }),
        ],
      },
      {
        title: 'Trace',
        panels: [traces({ title: 'Trace', description: 'The spans of the trace.', traceId: '$trace' })],
      },
      {
        title: 'The services around it',
        panels: [
          heatmap({
            title: 'Duration',
            description: 'How long requests took at that time; dots are traces.',
            queries: [
              {
                expr: `sum by (le) (increase(${SERVER.bucket}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{le}}',
                exemplars: true,
              },
            ],
            unit: 's',
          }),
          timeseries({
            title: 'Requests by status',
            description: 'Requests a second by status at that time.',
            queries: [
              {
                expr: `sum by (http_response_status_code) (rate(${SERVER.count}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{http_response_status_code}}',
              },
            ],
            unit: 'reqps',
            stack: true,
          }),
        ],
      },
    ],
  });
}
