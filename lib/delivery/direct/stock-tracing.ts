import {
  diag as apiDiag,
  type Span,
  type SpanContext,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { registeredProvider } from '../../context/guest-span.ts';
import { systemClock } from '../../core/clock.ts';
import { diag } from '../../core/diag.ts';
import type { Resource } from '../../model/resource.ts';
import type { SpanData, SpanKind } from '../../model/span.ts';
import { toSpanData } from '../../traces/foreign-span.ts';
import { startThrough } from '../../traces/start-through.ts';
import { OWN_SCOPE_NAME, type SpanStart, type Tracing } from '../../traces/tracing.ts';
import type { ConsoleSpans } from '../console-spans.ts';
import type { Outcomes } from '../outcomes.ts';
import type { StockPackages } from './stock-packages.ts';
import { type StockBatch, StockProcessor, type StockTracingRules, stockSampler } from './stock-processor.ts';
import { toStockSpan } from './stock-span.ts';
import { unholdRequestsTo } from './unheld.ts';

/** How long the batch processor gathers; its own default of 5 s loses more when a process dies. */
const SCHEDULE_MILLIS = 1000;

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}

interface StockExporter {
  export(spans: readonly unknown[], done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

export interface StockTracingOptions {
  readonly resource: Resource;
  /** Undefined: spans are made, for context and IDs, and go nowhere. */
  readonly zipkinUrl: string | undefined;
  /** In place of Zipkin. */
  readonly consoleSpans: ConsoleSpans | undefined;
  readonly rules: StockTracingRules;
  readonly outcomes: Outcomes;
}

/** `NodeSDK` with `BatchSpanProcessor` and `ZipkinExporter`, as the source of spans. */
export class StockTracing implements Tracing {
  readonly provider: TracerProvider;
  private readonly sdk: { shutdown(): Promise<void> };
  private readonly processor: StockProcessor;
  private readonly tracer: Tracer;
  private readonly resource: unknown;

  constructor(packages: StockPackages, { resource, zipkinUrl, consoleSpans, rules, outcomes }: StockTracingOptions) {
    const { NodeSDK } = packages.load('@opentelemetry/sdk-node');
    const { resourceFromAttributes } = packages.loadOf('@opentelemetry/sdk-node', '@opentelemetry/resources');
    this.resource = resourceFromAttributes(attributesOf(resource));
    const batch = zipkinUrl === undefined ? printing(consoleSpans, rules) : createBatch(packages, zipkinUrl, outcomes);
    if (zipkinUrl !== undefined) unholdRequestsTo(zipkinUrl);
    this.processor = new StockProcessor(batch, rules, outcomes);
    const sdk = new NodeSDK({
      resource: this.resource,
      autoDetectResources: false,
      // Ours, made global by the composition root.
      contextManager: null,
      textMapPropagator: null,
      // The environment alone would decide, and not what was given in code.
      sampler: stockSampler(rules),
      spanLimits: rules.limits,
      spanProcessors: [this.processor],
      // Else it would start the exporters that OTEL_LOGS_EXPORTER and OTEL_METRICS_EXPORTER default to.
      logRecordProcessors: [],
      metricReaders: [],
      instrumentations: [],
    });
    const isFree = registeredProvider() === undefined;
    sdk.start();
    this.sdk = sdk;
    this.provider = sdk._tracerProvider as TracerProvider;
    // Becomes global together with everything else, in the composition root; whose SDK was there first stays.
    if (isFree) trace.disable();
    // NodeSDK has made the console its logger, which is the app's stdout.
    apiDiag.setLogger(stderrLogger, { suppressOverrideMessage: true });
    this.tracer = this.provider.getTracer(OWN_SCOPE_NAME);
  }

  start(name: string, kind: SpanKind, parent: SpanContext | undefined, start?: SpanStart): Span {
    return startThrough(this.tracer, { name, kind, parent, start });
  }

  /** A sampled span that was not made here. */
  take(span: SpanData): void {
    this.processor.take(toStockSpan(span, this.resource));
  }

  flush(): Promise<void> {
    return this.processor.forceFlush();
  }

  close(): Promise<void> {
    return this.sdk.shutdown();
  }
}

function attributesOf(resource: Resource): Record<string, string> {
  return {
    ...resource.attributes,
    'service.name': resource.serviceName,
    ...(resource.serviceVersion !== '' && { 'service.version': resource.serviceVersion }),
    'service.instance.id': resource.instanceId,
    'deployment.environment.name': resource.environment,
  };
}

/** Spans of the stock SDK as lines, at once. */
function printing(consoleSpans: ConsoleSpans | undefined, { limits }: StockTracingRules): StockBatch | undefined {
  if (consoleSpans === undefined) return undefined;
  return {
    onEnd(span) {
      const data = toSpanData(span, { limits, clock: systemClock });
      if (data === undefined) consoleSpans.outcomes.drop('internal', 1);
      else consoleSpans.print(data);
    },
    forceFlush: () => consoleSpans.flushed(),
    shutdown: () => Promise.resolve(),
  };
}

function createBatch(packages: StockPackages, url: string, outcomes: Outcomes): StockBatch {
  const { ZipkinExporter } = packages.load('@opentelemetry/exporter-zipkin');
  const { BatchSpanProcessor } = packages.loadOf('@opentelemetry/sdk-node', '@opentelemetry/sdk-trace');
  const exporter: StockExporter = new ZipkinExporter({ url });
  const counting: StockExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === 0) outcomes.deliver(spans.length);
        else outcomes.drop('backend_error', spans.length, result.error ?? new Error('the exporter failed'));
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
  const delay = Number(process.env['OTEL_BSP_SCHEDULE_DELAY']);
  return new BatchSpanProcessor({ exporter: counting, scheduledDelayMillis: delay > 0 ? delay : SCHEDULE_MILLIS });
}

const stderrLogger = {
  error: (text: string, ...rest: unknown[]) => diag.warn('SIGHTLINE_W_BACKEND_DOWN', sentence(text, rest)),
  warn: (text: string, ...rest: unknown[]) => diag.warn('SIGHTLINE_W_BACKEND_DOWN', sentence(text, rest)),
  info: (text: string) => diag.debug(text),
  debug: (text: string) => diag.debug(text),
  verbose: () => {},
};

function sentence(text: string, rest: readonly unknown[]): string {
  const detail = rest.map((part) => (part instanceof Error ? part.message : String(part))).join(' ');
  return `OpenTelemetry: ${text} ${detail}`.trim().slice(0, 300);
}
