import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DeliveryTuning, JournalSinkOptions } from '../../lib/delivery/delivery-options.ts';
import type { Resource } from '../../lib/model/resource.ts';
import type { SpanData } from '../../lib/model/span.ts';
import type { DeliveryCounts, DeliveryStatus, TelemetrySink } from '../../lib/model/telemetry-sink.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

export const RESOURCE: Resource = {
  serviceName: 'shop',
  serviceVersion: '1.2.3',
  instanceId: '0b9ff1b2-5c1e-4a0e-9a51-3a2b9b1f0d3c',
  environment: 'production',
  hostName: 'host',
  pid: 1,
  attributes: {},
};

/** A receiver that goes with its test, however that ends. */
export async function receiverFor(t: TestContext, port = 0): Promise<Receiver> {
  const receiver = await startReceiver({ port });
  t.after(() => receiver.close());
  return receiver;
}

/** Quick where time is only waited for; the time limit of a request stays long, because a busy machine must not look like a fault. */
export const QUICK: Partial<DeliveryTuning> = {
  requestTimeoutMillis: 20_000,
  gatherMillis: 10,
  backoffBaseMillis: 10,
  backoffCapMillis: 50,
  adoptionMillis: 200,
};

export function sinkOptions(
  receiver: Pick<Receiver, 'elasticsearchUrl' | 'zipkinUrl' | 'statsdUrl'>,
  change: Partial<JournalSinkOptions> = {},
): JournalSinkOptions {
  return {
    directory: join(temporaryDirectory('delivery'), 'journal'),
    maxBytes: 32 * 1024 ** 2,
    maxAgeMillis: 3_600_000,
    resource: RESOURCE,
    logs: { url: receiver.elasticsearchUrl, stream: 'logs-shop-production' },
    spans: { url: receiver.zipkinUrl },
    statsd: { url: receiver.statsdUrl },
    onNotice: () => {},
    tuning: QUICK,
    ...change,
  };
}

/** A finished span whose ID is its number. */
export function span(number: number, attributes: SpanData['attributes'] = {}): SpanData {
  return {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: (number + 1).toString(16).padStart(16, '0'),
    parentSpanId: '00f067aa0ba902b7',
    name: 'work',
    kind: 0,
    startMicros: Date.now() * 1000,
    durationMicros: 10,
    attributes,
    events: [],
    links: [],
    statusCode: 0,
    statusMessage: undefined,
    scopeName: '',
    scopeVersion: '',
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
  };
}

export function document(number: number, more: object = {}): string {
  return JSON.stringify({ '@timestamp': new Date().toISOString(), message: `line ${number}`, number, ...more });
}

/** accepted = delivered + sent unconfirmed + on disk + dead letters + dropped, whatever happened. */
export function assertBalanced(status: DeliveryStatus): void {
  for (const signal of ['logs', 'spans'] as const) {
    const { accepted, delivered, sentUnconfirmed, onDisk, deadLettered, dropped } = status[signal];
    const gone = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(
      delivered + sentUnconfirmed + onDisk + deadLettered + gone,
      accepted,
      `${signal}: ${JSON.stringify(status[signal])}`,
    );
    assert.ok(onDisk >= 0, `${signal}: ${JSON.stringify(status[signal])}`);
  }
}

/** Waits until nothing is on disk any more. */
export async function settled(sink: TelemetrySink): Promise<DeliveryStatus> {
  return await eventually(
    'everything to be settled',
    () => {
      const status = sink.status();
      assertBalanced(status);
      return status.logs.onDisk + status.spans.onDisk === 0 ? status : undefined;
    },
    { pauseMillis: 10 },
  );
}

export function counts(change: Partial<DeliveryCounts> = {}): DeliveryCounts {
  return { accepted: 0, delivered: 0, sentUnconfirmed: 0, onDisk: 0, deadLettered: 0, dropped: {}, ...change };
}
