import type { RuntimeMetric } from '../model/runtime-metrics.ts';
import { STACK_METRICS } from '../model/stack-metrics.ts';
import type { StatsdReceiver } from './ingest/statsd-receiver.ts';
import type { Store } from './store/store.ts';

/** What the stack counts about itself, as Prometheus text. */
export class StackMetrics {
  spans = 0;
  logs = 0;
  bugs = 0;

  async text(store: Store, statsd: StatsdReceiver): Promise<string> {
    const kept = await store.statistics();
    const { aggregate } = statsd;
    const lines: string[] = [];
    const metric = ({ prometheus, type, help }: RuntimeMetric, value: number) =>
      lines.push(`# HELP ${prometheus} ${help}`, `# TYPE ${prometheus} ${type}`, `${prometheus} ${value}`);
    metric(STACK_METRICS.spansReceived, this.spans);
    metric(STACK_METRICS.logsReceived, this.logs);
    metric(STACK_METRICS.statsdReceived, aggregate.received);
    metric(STACK_METRICS.statsdInvalid, aggregate.invalid);
    metric(STACK_METRICS.statsdDropped, aggregate.dropped);
    metric(STACK_METRICS.internalErrors, this.bugs);
    metric(STACK_METRICS.spans, kept.spans);
    metric(STACK_METRICS.logs, kept.logs);
    metric(STACK_METRICS.series, kept.series);
    metric(STACK_METRICS.samples, kept.samples);
    metric(STACK_METRICS.exemplars, kept.exemplars);
    metric(STACK_METRICS.bytes, kept.bytes);
    return `${lines.join('\n')}\n`;
  }
}
