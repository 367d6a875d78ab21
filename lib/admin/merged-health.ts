import { type MergeableSnapshot, mergeRolling } from '../metrics/rolling-facts.ts';
import type { CourierState, DeliveryCounts, DeliveryStatus, Signal } from '../model/telemetry-sink.ts';
import type { CheckResult, HealthStatus } from './health-checks.ts';
import type { HealthFacts } from './health-page.ts';

/** What one process of a service says of its health; plain data, to be sent to another one. */
export interface HealthReport {
  readonly gates: readonly { readonly name: string; readonly open: boolean }[];
  readonly checks: readonly CheckResult[];
  readonly delivery: DeliveryStatus | undefined;
  readonly rolling: MergeableSnapshot | undefined;
}

const SEVERITY: Readonly<Record<HealthStatus, number>> = { pass: 0, warn: 1, fail: 2 };
/** From the least to the most worth knowing. */
const COURIERS: readonly CourierState[] = ['off', 'idle', 'healthy', 'failing'];

/** One result a name: the worst, since a service is as well as its sickest worker. */
function worstChecks(reports: readonly HealthReport[]): CheckResult[] {
  const byName = new Map<string, CheckResult>();
  for (const check of reports.flatMap(({ checks }) => checks)) {
    const known = byName.get(check.name);
    if (known === undefined || SEVERITY[check.status] > SEVERITY[known.status]) byName.set(check.name, check);
  }
  return [...byName.values()];
}

function addCounts(one: DeliveryCounts, two: DeliveryCounts): DeliveryCounts {
  const dropped: Record<string, number> = { ...one.dropped };
  for (const [reason, count] of Object.entries(two.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
  return {
    accepted: one.accepted + two.accepted,
    delivered: one.delivered + two.delivered,
    sentUnconfirmed: one.sentUnconfirmed + two.sentUnconfirmed,
    onDisk: one.onDisk + two.onDisk,
    deadLettered: one.deadLettered + two.deadLettered,
    dropped,
  };
}

function worseCourier(one: CourierState, two: CourierState): CourierState {
  return COURIERS.indexOf(two) > COURIERS.indexOf(one) ? two : one;
}

function addDelivery(one: DeliveryStatus, two: DeliveryStatus): DeliveryStatus {
  const courier = (signal: Signal): CourierState => worseCourier(one.couriers[signal], two.couriers[signal]);
  return {
    logs: addCounts(one.logs, two.logs),
    spans: addCounts(one.spans, two.spans),
    // Every process sees the journals of the whole service.
    journalBytes: Math.max(one.journalBytes, two.journalBytes),
    oldestUnsentSeconds: Math.max(one.oldestUnsentSeconds, two.oldestUnsentSeconds),
    couriers: { logs: courier('logs'), spans: courier('spans') },
    lastErrors: { ...one.lastErrors, ...two.lastErrors },
    ...mergeDeadLetters(one.deadLetters, two.deadLetters),
  };
}

/** Every process counts the dead letters of the whole service, and deletes some of them. */
function mergeDeadLetters(
  one: DeliveryStatus['deadLetters'],
  two: DeliveryStatus['deadLetters'],
): Pick<DeliveryStatus, 'deadLetters'> {
  if (one === undefined || two === undefined) return { ...((one ?? two) && { deadLetters: (one ?? two)! }) };
  const merged = (signal: Signal) => ({
    waiting: Math.max(one[signal].waiting, two[signal].waiting),
    expired: one[signal].expired + two[signal].expired,
  });
  return { deadLetters: { logs: merged('logs'), spans: merged('spans') } };
}

/** The reports of all processes of a service as what its one page says. */
export function mergeReports(reports: readonly HealthReport[]): Omit<HealthFacts, 'resource'> {
  const deliveries = reports.map(({ delivery }) => delivery).filter((delivery) => delivery !== undefined);
  const rollings = reports.map(({ rolling }) => rolling).filter((rolling) => rolling !== undefined);
  return {
    checks: worstChecks(reports),
    delivery: deliveries.length === 0 ? undefined : deliveries.reduce(addDelivery),
    rolling: rollings.length === 0 ? undefined : mergeRolling(rollings),
  };
}

/** Gates by name: one that any process has closed is closed. */
export function mergeGates(reports: readonly HealthReport[]): { readonly name: string; readonly open: boolean }[] {
  const byName = new Map<string, boolean>();
  for (const { name, open } of reports.flatMap(({ gates }) => gates))
    byName.set(name, (byName.get(name) ?? true) && open);
  return [...byName].map(([name, open]) => ({ name, open }));
}
