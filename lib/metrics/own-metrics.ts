import { internalErrors } from '../core/fence.ts';
import { CATALOGUE } from '../model/catalogue.ts';
import type {
  BestEffortCounts,
  CourierState,
  DeliveryCounts,
  DeliveryStatus,
  Signal,
} from '../model/telemetry-sink.ts';
import type { CounterFamily, MetricRegistry } from './registry.ts';
import type { RollingFacts } from './rolling-facts.ts';

const SIGNALS: readonly Signal[] = ['logs', 'spans'];

export interface OwnMetricsOptions {
  readonly registry: MetricRegistry;
  /** The ledger; absent when nothing is delivered. */
  readonly deliveryStatus?: () => DeliveryStatus;
  readonly rolling?: RollingFacts;
}

/**
 * What Sightline says about itself and is counted elsewhere: read when somebody reads the page, free otherwise.
 */
export function registerOwnMetrics({ registry, deliveryStatus, rolling }: OwnMetricsOptions): void {
  const errors = registry.counter(CATALOGUE.internalErrors).bind([]);
  registry.onCollect(() => errors.follow(internalErrors()));
  // Given at the start (--max-old-space-size, or the memory there is), it does not change.
  const heapLimit = registry.gauge(CATALOGUE.heapLimit).bind([]);
  let known = false;
  registry.onCollect(() => {
    // Read with the first page: it would be one more module of Node at every start.
    if (!known) heapLimit.set(process.getBuiltinModule('node:v8').getHeapStatistics().heap_size_limit);
    known = true;
  });
  if (deliveryStatus !== undefined) registerDelivery(registry, deliveryStatus);
  if (rolling !== undefined) registerRolling(registry, rolling);
}

function registerDelivery(registry: MetricRegistry, deliveryStatus: () => DeliveryStatus): void {
  const records = registry.counter(CATALOGUE.telemetryRecords);
  const journal = registry.gauge(CATALOGUE.telemetryJournalBytes).bind([]);
  const oldest = registry.gauge(CATALOGUE.telemetryOldestUnsent).bind([]);
  const courier = registry.gauge(CATALOGUE.telemetryCourierUp);
  const letters = registry.gauge(CATALOGUE.deadLetters);
  const expired = registry.counter(CATALOGUE.deadLettersExpired);
  const packets = registry.counter(CATALOGUE.statsdPackets);
  const pushes = registry.counter(CATALOGUE.metricPushes);
  registry.onCollect(() => {
    const status = deliveryStatus();
    for (const signal of SIGNALS) {
      followCounts((outcome, reason, total) => records.bind([signal, outcome, reason]).follow(total), status[signal]);
      const up = courierUp(status.couriers[signal]);
      if (up !== undefined) courier.bind([signal]).set(up);
      const dead = status.deadLetters?.[signal];
      if (up === undefined || dead === undefined) continue;
      letters.bind([signal]).set(dead.waiting);
      expired.bind([signal]).follow(dead.expired);
    }
    followBestEffort(packets, status.statsd);
    followBestEffort(pushes, status.pushes);
    journal.set(status.journalBytes);
    oldest.set(status.oldestUnsentSeconds);
  });
}

/** Absent, when the way is off, they make no series. */
function followBestEffort(family: CounterFamily, counts: BestEffortCounts | undefined): void {
  if (counts === undefined) return;
  family.bind(['sent']).follow(counts.sent);
  family.bind(['dropped']).follow(counts.dropped);
}

/** `onDisk` is a level, not a count: it is accepted minus the rest, so no series of its own. */
function followCounts(follow: (outcome: string, reason: string, total: number) => void, counts: DeliveryCounts): void {
  follow('accepted', '', counts.accepted);
  follow('delivered', '', counts.delivered);
  // Only a backend without acknowledgements makes this series.
  if (counts.sentUnconfirmed > 0) follow('sent_unconfirmed', '', counts.sentUnconfirmed);
  follow('dead_lettered', '', counts.deadLettered);
  for (const [reason, total] of Object.entries(counts.dropped)) follow('dropped', reason, total);
}

/** A signal that is off has no courier to be up or down. */
function courierUp(state: CourierState): number | undefined {
  return state === 'off' ? undefined : state === 'failing' ? 0 : 1;
}

function registerRolling(registry: MetricRegistry, rolling: RollingFacts): void {
  const mean = registry.gauge(CATALOGUE.healthResponseTimeMean).bind([]);
  const p95 = registry.gauge(CATALOGUE.healthResponseTimeP95).bind([]);
  const connections = registry.gauge(CATALOGUE.healthConnections).bind([]);
  const bad = registry.gauge(CATALOGUE.healthBadRequests);
  const clientErrors = bad.bind(['4xx']);
  const serverErrors = bad.bind(['5xx']);
  registry.onCollect(() => {
    const facts = rolling.snapshot();
    mean.set(facts.responseTimeMean);
    p95.set(facts.responseTimeP95);
    connections.set(facts.connections);
    clientErrors.set(facts.badRequests['4xx']);
    serverErrors.set(facts.badRequests['5xx']);
  });
}
