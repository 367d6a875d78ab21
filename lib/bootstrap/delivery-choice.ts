import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ConsoleSpans, withConsoleSpans } from '../delivery/console-spans.ts';
import type { DeliveryOptions, PushDestination, ZipkinDestination } from '../delivery/delivery-options.ts';
import { createJournalSink } from '../delivery/journal-sink.ts';
import type { SpanData } from '../model/span.ts';
import type { TelemetrySink } from '../model/telemetry-sink.ts';
import { createEngine } from '../traces/engine.ts';
import { parseKeepPolicy } from '../traces/keep.ts';
import { createLimits, type SpanLimits } from '../traces/limits.ts';
import { redactSpan, type SpanRedactor } from '../traces/redacted-span.ts';
import { createSampler } from '../traces/sampler.ts';
import type { Tracing } from '../traces/tracing.ts';
import type { GivenOptions } from './options.ts';
import type { Settings } from './settings.ts';

export interface Delivery {
  readonly sink: TelemetrySink;
  readonly tracing: Tracing;
  /** Of spans, whoever makes them. */
  readonly limits: SpanLimits;
  /** Takes a sampled span that was not made by `tracing`; redacts it. */
  takeSpan(span: SpanData): void;
  /** Starts the couriers now, without a new record: for what a process before this one has left on disk. */
  start(): void;
}

function logDestination({ given, logs }: Settings): DeliveryOptions['logs'] {
  if (logs.mode !== 'ship') return undefined;
  if (logs.otlp !== undefined) return logs.otlp;
  if (logs.backend === 'logstash') {
    return {
      kind: 'logstash',
      url: logs.url,
      passwordFile: given.logstashPasswordFile,
      caFile: given.logstashCaFile,
      certificateFile: given.logstashClientCertificateFile,
      keyFile: given.logstashClientKeyFile,
    };
  }
  return {
    url: logs.url,
    stream: logs.stream,
    apiKey: given.elasticsearchApiKey,
    apiKeyFile: given.elasticsearchApiKeyFile,
    username: given.elasticsearchUsername,
    password: given.elasticsearchPassword,
    passwordFile: given.elasticsearchPasswordFile,
    caFile: given.elasticsearchCaFile,
    certificateFile: given.elasticsearchClientCertificateFile,
    keyFile: given.elasticsearchClientKeyFile,
  };
}

function zipkinDestination(given: GivenOptions, url: string | undefined): ZipkinDestination | undefined {
  if (url === undefined) return undefined;
  return {
    url,
    passwordFile: given.zipkinPasswordFile,
    caFile: given.zipkinCaFile,
    certificateFile: given.zipkinClientCertificateFile,
    keyFile: given.zipkinClientKeyFile,
  };
}

function pushDestination(given: GivenOptions, url: string | undefined): PushDestination | undefined {
  if (url === undefined) return undefined;
  return {
    url,
    passwordFile: given.metricsPushPasswordFile,
    caFile: given.metricsPushCaFile,
    certificateFile: given.metricsPushClientCertificateFile,
    keyFile: given.metricsPushClientKeyFile,
  };
}

export interface DeliveryHooks {
  /** What spans pass before they are taken. */
  readonly redactor: SpanRedactor;
  /** Called before the first record is taken. */
  onFirstRecord(): void;
}

function deliveryOptions(settings: Settings): DeliveryOptions {
  const { given, zipkinUrl, otlpTraces, consoleSpans, statsdUrl, pushUrl, resource } = settings;
  return {
    resource,
    logs: logDestination(settings),
    spans: otlpTraces ?? zipkinDestination(given, zipkinUrl),
    consoleSpans,
    statsd: statsdUrl === undefined ? undefined : { url: statsdUrl, lengthPrefix: given.statsdDialect === 'dogstatsd' },
    push: pushDestination(given, pushUrl),
  };
}

/** What decides on spans and what they may hold, in both ways of delivery. */
function tracingRules({ given }: Settings, redactor: SpanRedactor) {
  return {
    sampler: createSampler(
      given.tracesSampler ?? 'parentbased_always_on',
      given.tracesSamplerArg,
      given.tracesRoutes ?? [],
    ),
    limits: createLimits({
      attributeValueLengthLimit: given.attributeValueLengthLimit ?? given.generalAttributeValueLengthLimit,
      attributeCountLimit: given.attributeCountLimit ?? given.generalAttributeCountLimit,
      eventCountLimit: given.eventCountLimit,
      linkCountLimit: given.linkCountLimit,
      attributePerEventCountLimit: given.eventAttributeCountLimit,
      attributePerLinkCountLimit: given.linkAttributeCountLimit,
    }),
    keep: given.tracesKeep === undefined ? undefined : parseKeepPolicy(given.tracesKeep),
    redactor,
  };
}

/** Loaded only where it is asked for: it brings HTTP clients that nobody else needs on the main thread. */
function loadDirect(): typeof import('../delivery/direct/direct-delivery.ts') {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return createRequire(import.meta.url)(`../delivery/direct/direct-delivery.${extension}`);
}

/**
 * The journal with our engine, or the stock exporters with `NodeSDK` (docs/rationale.md, "Why not the stock pipeline?").
 *
 * @throws SightlineError SIGHTLINE_E_PEER_MISSING when direct mode needs a package that is not installed
 */
export function createDelivery(settings: Settings, { redactor, onFirstRecord }: DeliveryHooks): Delivery {
  const options = deliveryOptions(settings);
  const rules = tracingRules(settings, redactor);
  if (settings.given.delivery === 'direct') {
    const direct = loadDirect().createDirectDelivery(options, rules);
    const sink = announceFirst(direct.sink, onFirstRecord);
    return { sink, limits: rules.limits, tracing: direct.tracing, takeSpan: (span) => sink.span(span), start() {} };
  }
  const journal = createJournalSink({
    ...options,
    directory: join(settings.dataDir, 'journal'),
    maxBytes: settings.journalMaxBytes,
    maxAgeMillis: settings.journalMaxAgeMillis,
    quiet: settings.stackOnlyDefaulted,
  });
  const toConsole = options.consoleSpans === true;
  const carrier = toConsole ? withConsoleSpans(journal, new ConsoleSpans(options.resource)) : journal;
  const sink = announceFirst(carrier, onFirstRecord);
  const isOff = options.spans === undefined && !toConsole;
  // Without an address a span still carries the context; it just goes nowhere.
  const takeSpan = isOff ? () => {} : (span: SpanData) => sink.span(redactSpan(span, redactor));
  const tracing = createEngine({
    sampler: rules.sampler,
    limits: rules.limits,
    keep: rules.keep,
    onEnd: takeSpan,
  });
  return { sink, tracing, limits: rules.limits, takeSpan, start: () => journal.start() };
}

/** The same sink, which tells when its first record comes: until then nothing of ours is opened or installed. */
function announceFirst(sink: TelemetrySink, onFirstRecord: () => void): TelemetrySink {
  let first = true;
  const announce = () => {
    if (!first) return;
    first = false;
    onFirstRecord();
  };
  return {
    span(span: SpanData) {
      announce();
      sink.span(span);
    },
    log(document: string, atOnce: boolean) {
      announce();
      sink.log(document, atOnce);
    },
    statsd: (packets) => sink.statsd(packets),
    push: (page) => sink.push(page),
    appendNow: () => sink.appendNow(),
    status: () => sink.status(),
    flush: (timeoutMillis) => sink.flush(timeoutMillis),
    drainSync: (timeoutMillis) => sink.drainSync(timeoutMillis),
    close: (timeoutMillis) => sink.close(timeoutMillis),
  };
}
