import { FAILED, SELECTED, SERVER } from './names.ts';
import { type PanelDraft, stat } from './panels.ts';

/** Requests a second of what is chosen. */
export function requestRate(description: string): PanelDraft {
  return stat({
    title: 'Requests',
    description,
    queries: [{ expr: `sum(rate(${SERVER.count}{${SELECTED}}[$__rate_interval]))`, legend: 'requests' }],
    unit: 'reqps',
    noValue: '0',
  });
}

/** Share of the requests of what is chosen that are answered with 5xx. */
export function errorShare(): PanelDraft {
  return stat({
    title: 'Server errors',
    description: 'Share of requests answered with 5xx.',
    queries: [
      {
        expr: `(sum(rate(${SERVER.count}{${SELECTED}, ${FAILED}}[$__rate_interval])) or vector(0)) / sum(rate(${SERVER.count}{${SELECTED}}[$__rate_interval]))`,
        legend: 'errors',
      },
    ],
    unit: 'percentunit',
    thresholds: [
      [null, 'green'],
      [0.01, 'orange'],
      [0.05, 'red'],
    ],
  });
}
