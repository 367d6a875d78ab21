import type { RollingSnapshot } from '../metrics/rolling-facts.ts';
import { WINDOW_SECONDS } from '../metrics/rolling-facts.ts';
import type { Resource } from '../model/resource.ts';
import type { DeliveryStatus, Signal } from '../model/telemetry-sink.ts';
import type { CheckResult, HealthStatus } from './health-checks.ts';

/** Media type of draft-inadarei-api-health-check-06 §2. */
export const HEALTH_CONTENT_TYPE = 'application/health+json';

export interface HealthFacts {
  readonly resource: Resource;
  readonly checks: readonly CheckResult[];
  /** Absent when nothing is delivered. */
  readonly delivery: DeliveryStatus | undefined;
  /** Absent when HTTP is not observed. */
  readonly rolling: RollingSnapshot | undefined;
}

/** One entry of `checks` (draft §4). */
interface Detail {
  readonly componentId?: string;
  readonly componentType: string;
  readonly observedValue: number | string;
  readonly observedUnit: string;
  readonly status: HealthStatus;
  readonly time: string;
  readonly output?: string;
  readonly [more: string]: unknown;
}

export interface HealthPage {
  readonly status: HealthStatus;
  /** With `releaseId`: of the service; absent when unknown. */
  readonly version?: string;
  readonly releaseId?: string;
  readonly serviceId: string;
  readonly description: string;
  readonly checks: Readonly<Record<string, readonly Detail[]>>;
}

const SIGNALS: readonly Signal[] = ['logs', 'spans'];

function millis(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}

function checkDetail({ componentType, observedValue, observedUnit, status, time, output }: CheckResult): Detail {
  return {
    componentType,
    observedValue,
    observedUnit,
    status,
    time: time.toISOString(),
    ...(output === undefined ? {} : { output }),
  };
}

function trafficDetails(rolling: RollingSnapshot, time: string): Record<string, Detail[]> {
  const fact = (
    componentId: string | undefined,
    observedValue: number,
    observedUnit: string,
    window = true,
  ): Detail => ({
    ...(componentId === undefined ? {} : { componentId }),
    componentType: 'component',
    observedValue,
    observedUnit,
    status: 'pass',
    time,
    ...(window ? { windowSeconds: WINDOW_SECONDS } : {}),
  });
  return {
    'http:responseTime': [
      fact('mean', millis(rolling.responseTimeMean), 'ms'),
      fact('p95', millis(rolling.responseTimeP95), 'ms'),
    ],
    'http:connections': [fact(undefined, rolling.connections, 'connections', false)],
    'http:badRequests': [
      fact('4xx', rolling.badRequests['4xx'], 'requests'),
      fact('5xx', rolling.badRequests['5xx'], 'requests'),
    ],
  };
}

/**
 * The ledger of one signal. At most `warn`: a service whose logs do not leave still serves its users, and a probe that
 * restarts it would only make it worse.
 */
function deliveryDetail(signal: Signal, delivery: DeliveryStatus, time: string): Detail {
  const counts = delivery[signal];
  const courier = delivery.couriers[signal];
  const dropped = Object.values(counts.dropped).reduce((sum, count) => sum + count, 0);
  const waiting = delivery.deadLetters?.[signal].waiting ?? counts.deadLettered;
  const error = delivery.lastErrors[signal];
  return {
    componentId: signal,
    componentType: 'component',
    observedValue: counts.onDisk,
    observedUnit: 'records unsent',
    status: courier === 'failing' || dropped + waiting > 0 ? 'warn' : 'pass',
    time,
    courier,
    ...counts,
    deadLettersWaiting: waiting,
    ...(error === undefined ? {} : { output: error }),
  };
}

function worst(statuses: readonly HealthStatus[]): HealthStatus {
  return statuses.includes('fail') ? 'fail' : statuses.includes('warn') ? 'warn' : 'pass';
}

/** The body of /health. */
export function healthPage({ resource, checks, delivery, rolling }: HealthFacts, now: Date = new Date()): HealthPage {
  const time = now.toISOString();
  const details: Record<string, Detail[]> = {};
  if (rolling !== undefined) Object.assign(details, trafficDetails(rolling, time));
  if (delivery !== undefined)
    details['telemetry:delivery'] = SIGNALS.map((signal) => deliveryDetail(signal, delivery, time));
  for (const check of checks) (details[check.name] ??= []).push(checkDetail(check));
  return {
    status: worst(Object.values(details).flatMap((entries) => entries.map((entry) => entry.status))),
    ...(resource.serviceVersion === '' ? {} : { version: resource.serviceVersion, releaseId: resource.serviceVersion }),
    serviceId: resource.instanceId,
    description: `Health of ${resource.serviceName}`,
    checks: details,
  };
}
