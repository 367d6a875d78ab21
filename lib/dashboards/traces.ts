import type { DashboardConfig } from './config.ts';
import { dashboard, textVariable } from './dashboard.ts';
import type { Dashboard } from './grafana.ts';
import { SELECTED, SERVER } from './names.ts';
import { heatmap, text, traces } from './panels.ts';

/** From durations to traces: exemplars lead to the spans. */
export function traceView(config: DashboardConfig): Dashboard {
  return dashboard({
    config,
    name: 'traces',
    title: 'Traces',
    description: 'Durations with their exemplars, and the spans of one trace from Zipkin.',
    dataSources: ['zipkin'],
    variables: [textVariable('trace', 'Trace ID')],
    rows: [
      {
        title: 'Find',
        panels: [
          heatmap({
            title: 'Duration',
            description: 'How long requests took. Each dot is an exemplar: its trace ID opens the trace.',
            queries: [
              {
                expr: `sum by (le) (increase(${SERVER.bucket}{${SELECTED}}[$__rate_interval]))`,
                legend: '{{le}}',
                exemplars: true,
              },
            ],
            unit: 's',
          }),
          heatmap({
            title: 'Duration of failed requests',
            description: 'The same for requests answered with 5xx.',
            queries: [
              {
                expr: `sum by (le) (increase(${SERVER.bucket}{${SELECTED}, http_response_status_code=~"5.*"}[$__rate_interval]))`,
                legend: '{{le}}',
                exemplars: true,
              },
            ],
            unit: 's',
            noValue: 'no 5xx',
          }),
        ],
      },
      {
        title: 'Trace',
        panels: [
          text({
            title: 'Which trace',
            content: 'Enter a **trace ID**, 32 hexadecimal digits, above, or follow an exemplar.',
            height: 2,
          }),
          traces({ title: 'Trace', description: 'The spans of the trace.', traceId: '$trace' }),
        ],
      },
    ],
  });
}
