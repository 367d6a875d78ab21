import { createConsoleSpanEncoder } from '../codec/console-span.ts';
import { reportBug } from '../core/fence.ts';
import type { Resource } from '../model/resource.ts';
import type { SpanData } from '../model/span.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import { LineWriter, type WriteBytes } from './line-writer.ts';
import { Outcomes, within } from './outcomes.ts';

/** Spans as lines on standard output (`OTEL_TRACES_EXPORTER=console`), and what became of them. */
export class ConsoleSpans {
  readonly outcomes = new Outcomes('spans', true);
  private readonly lines: LineWriter;
  private readonly encode: (span: SpanData) => string;

  /** @param write default: to standard output */
  constructor(resource: Resource, write?: WriteBytes) {
    this.encode = createConsoleSpanEncoder(resource);
    this.lines = new LineWriter({ outcomes: this.outcomes, ...(write !== undefined && { write }) });
  }

  /** @param span without secrets, and accepted by `outcomes` */
  print(span: SpanData): void {
    try {
      this.lines.print(this.encode(span));
    } catch (error) {
      reportBug('span line', error);
      this.outcomes.drop('internal', 1);
    }
  }

  /** Writes what waits for room, as far as there is some. */
  printWaiting(): void {
    this.lines.printWaiting();
  }

  /** Blocks until nothing waits, at most `millis`. */
  printWithin(millis: number): void {
    this.lines.printWithin(millis);
  }

  /** Resolves when nothing waits. */
  flushed(): Promise<void> {
    return this.outcomes.empty();
  }

  close(): void {
    this.lines.close();
  }
}

/** A sink whose spans are lines on standard output, and whose other records go on to `sink`. */
export function withConsoleSpans(sink: TelemetrySink, spans: ConsoleSpans): TelemetrySink {
  return {
    span(span) {
      spans.outcomes.accept();
      spans.print(span);
    },
    log: (document, atOnce) => sink.log(document, atOnce),
    statsd: (packets) => sink.statsd(packets),
    push: (page) => sink.push(page),
    appendNow() {
      spans.printWaiting();
      sink.appendNow();
    },
    status() {
      const status = sink.status();
      const { outcomes } = spans;
      return {
        ...status,
        spans: outcomes.counts(),
        couriers: { ...status.couriers, spans: outcomes.state },
        lastErrors: { ...status.lastErrors, ...(outcomes.lastError !== undefined && { spans: outcomes.lastError }) },
      };
    },
    async flush(timeoutMillis) {
      await Promise.all([within(timeoutMillis, spans.flushed()), sink.flush(timeoutMillis)]);
    },
    drainSync(timeoutMillis) {
      const end = performance.now() + timeoutMillis;
      spans.printWithin(timeoutMillis);
      sink.drainSync(Math.max(0, end - performance.now()));
    },
    async close(timeoutMillis) {
      await Promise.all([within(timeoutMillis, spans.flushed()), sink.close(timeoutMillis)]);
      spans.close();
    },
  };
}
