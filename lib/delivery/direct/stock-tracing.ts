import {
  diag as apiDiag,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { active, toObservationContext } from '../../context/context.ts';
import { diag } from '../../core/diag.ts';
import type { Resource } from '../../model/resource.ts';
import { SpanKind } from '../../model/span.ts';
import type { Tracing } from '../../traces/tracing.ts';
import type { Outcomes } from './outcomes.ts';
import type { StockPackages } from './stock-packages.ts';
import { SUPPRESS_KEY } from './suppressed.ts';

/** How long the batch processor gathers; its own default of 5 s loses more when a process dies. */
const SCHEDULE_MILLIS = 1000;
const TRACER_NAME = 'sightline';

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}

interface StockExporter {
  export(spans: readonly unknown[], done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/** `NodeSDK` with `BatchSpanProcessor` and `ZipkinExporter`, as the source of spans. */
export class StockTracing implements Tracing {
  readonly provider: TracerProvider;
  private readonly sdk: { shutdown(): Promise<void> };
  private readonly processor: { forceFlush(): Promise<void> } | undefined;
  private readonly tracer: Tracer;

  /** @param zipkinUrl undefined: spans are made, for context and IDs, and go nowhere */
  constructor(packages: StockPackages, resource: Resource, zipkinUrl: string | undefined, outcomes: Outcomes) {
    const { NodeSDK } = packages.load('@opentelemetry/sdk-node');
    const { resourceFromAttributes } = packages.loadOf('@opentelemetry/sdk-node', '@opentelemetry/resources');
    this.processor = zipkinUrl === undefined ? undefined : createProcessor(packages, zipkinUrl, outcomes);
    const sdk = new NodeSDK({
      resource: resourceFromAttributes(attributesOf(resource)),
      autoDetectResources: false,
      // Ours, made global by the composition root.
      contextManager: null,
      textMapPropagator: null,
      spanProcessors: [correlationProcessor(outcomes), ...(this.processor === undefined ? [] : [this.processor])],
      // Else it would start the exporters that OTEL_LOGS_EXPORTER and OTEL_METRICS_EXPORTER default to.
      logRecordProcessors: [],
      metricReaders: [],
      instrumentations: [],
    });
    sdk.start();
    this.sdk = sdk;
    // Becomes global together with everything else, in the composition root.
    this.provider = sdk._tracerProvider as TracerProvider;
    trace.disable();
    // NodeSDK has made the console its logger, which is the app's stdout.
    apiDiag.setLogger(stderrLogger, { suppressOverrideMessage: true });
    this.tracer = this.provider.getTracer(TRACER_NAME);
  }

  start(name: string, kind: SpanKind, parent: SpanContext | undefined, links?: Link[]): Span {
    // A server's requests come from outside; the suppression that its socket may have inherited is about somebody else's work.
    const here = kind === SpanKind.SERVER ? active().deleteValue(SUPPRESS_KEY) : active();
    const context = here.withSpan(parent === undefined ? undefined : trace.wrapSpanContext(parent));
    return this.tracer.startSpan(
      name,
      { kind, root: parent === undefined, ...(links !== undefined && { links }) },
      context,
    );
  }

  flush(): Promise<void> {
    return this.processor?.forceFlush() ?? Promise.resolve();
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

function createProcessor(packages: StockPackages, url: string, outcomes: Outcomes): { forceFlush(): Promise<void> } {
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

/** Gives each span the correlation ID of the context that it starts in, as our engine does, and counts what ends. */
function correlationProcessor(outcomes: Outcomes): object {
  return {
    onStart(span: Span, context: Context) {
      const { correlationId } = toObservationContext(context);
      if (correlationId !== undefined) span.setAttribute('correlation.id', correlationId);
    },
    onEnd(span: { spanContext(): SpanContext }) {
      if ((span.spanContext().traceFlags & 1) === 1 && outcomes.state !== 'off') outcomes.accept();
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
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
