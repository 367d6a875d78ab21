import type { Objectives } from '../config.ts';
import { FAILED, runtime, SERVER } from '../names.ts';
import type { RecordingRule, RuleGroup } from './group.ts';

/** Windows of the burn-rate alerts (Google SRE workbook, "Alerting on SLOs"). */
export const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
export type Window = (typeof WINDOWS)[number];

/** Requests a second over a window. */
export function requestRate(window: Window): string {
  return `job:http_server_requests:rate${window}`;
}

/** Requests a second that failed, over five minutes; 0, not unknown, for a service without a failure. */
export const FAILURE_RATE = 'job:http_server_request_failures:rate5m';
/** Requests a second that took too long, over five minutes. */
export const SLOW_RATE = 'job:http_server_slow_requests:rate5m';

/** Share of failed requests over a window. */
export function availabilityRatio(window: Window): string {
  return `job:http_server_request_failures_per_request:ratio_rate${window}`;
}

/** Share of slow requests over a window. */
export function latencyRatio(window: Window): string {
  return `job:http_server_slow_requests_per_request:ratio_rate${window}`;
}

/** Ratios by service; numerator and denominator are summed apart. */
export function recordingRules({ latencySeconds }: Objectives): RuleGroup[] {
  const all = (window: Window): string => `sum by (job) (rate(${SERVER.count}[${window}]))`;
  const failed = (window: Window): string =>
    `(sum by (job) (rate(${SERVER.count}{${FAILED}}[${window}])) or 0 * ${all(window)})`;
  const quick = (window: Window): string => `sum by (job) (rate(${SERVER.bucket}{le="${latencySeconds}"}[${window}]))`;
  const ratios = (window: Window): RecordingRule[] => [
    { record: requestRate(window), expr: all(window) },
    { record: availabilityRatio(window), expr: `${failed(window)} / ${all(window)}` },
    { record: latencyRatio(window), expr: `1 - ${quick(window)} / ${all(window)}` },
  ];
  return [
    {
      name: 'sightline-requests',
      interval: '30s',
      rules: [
        { record: FAILURE_RATE, expr: failed('5m') },
        { record: SLOW_RATE, expr: `${all('5m')} - ${quick('5m')}` },
        {
          record: 'job_route:http_server_requests:rate5m',
          expr: `sum by (job, http_route) (rate(${SERVER.count}[5m]))`,
        },
        {
          record: 'job_le:http_server_request_duration_seconds_bucket:rate5m',
          expr: `sum by (job, le) (rate(${SERVER.bucket}[5m]))`,
        },
        {
          record: 'job:process_cpu_seconds:rate5m',
          expr: `sum by (job) (rate(${runtime('process_cpu_seconds_total')}[5m]))`,
        },
      ],
    },
    { name: 'sightline-objectives-short', interval: '30s', rules: (['5m', '30m', '1h'] as const).flatMap(ratios) },
    { name: 'sightline-objectives-long', interval: '2m', rules: (['2h', '6h', '1d', '3d'] as const).flatMap(ratios) },
  ];
}
