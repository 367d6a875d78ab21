import type { IncomingHttpHeaders } from 'node:http';
import { MessageMalformed } from '../../codec/message-shape.ts';
import {
  decodeLogsRequest,
  decodeMetricsRequest,
  decodeTracesRequest,
  type OtlpForm,
} from '../../codec/otlp-request.ts';
import {
  encodeOtlpResponse,
  encodeOtlpStatus,
  OTLP_CONTENT_TYPES,
  type OtlpSignal,
} from '../../codec/otlp-response.ts';
import { type BackendApi, type Exchange, type Reply, textReply } from '../http/exchange.ts';
import { DeltaAccumulator } from '../ingest/delta-accumulator.ts';
import { logsOfOtlp } from '../ingest/otlp-logs.ts';
import { metricsOfOtlp } from '../ingest/otlp-metrics.ts';
import { spansOfOtlp } from '../ingest/otlp-spans.ts';
import { Refusals } from '../ingest/otlp-values.ts';
import type { Store } from '../store/store.ts';

/** Bytes of one body, decompressed. The receiver of the OpenTelemetry Collector takes 20 MiB. */
const MAX_BODY_BYTES = 32 * 1024 ** 2;
const SIGNALS: ReadonlySet<string> = new Set<OtlpSignal>(['traces', 'logs', 'metrics']);

export interface OtlpApiOptions {
  readonly store: Store;
  readonly now?: () => number;
  readonly onSpans?: (count: number) => void;
  readonly onLogs?: (count: number) => void;
}

/**
 * OTLP/HTTP, binary and JSON: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`. What cannot be kept is refused by partial
 * success, with the number of records and the reasons; everything else of the same request is kept.
 * Source: OpenTelemetry, "OTLP Specification 1.x", OTLP/HTTP.
 */
export function createOtlpApi(options: OtlpApiOptions): BackendApi {
  const { store, now = Date.now } = options;
  const deltas = new DeltaAccumulator();
  /** Requests with metrics one after the other: the totals of deltas are those of what is stored. */
  let metricsTurn: Promise<unknown> = Promise.resolve();

  async function takeTraces(body: Buffer, form: OtlpForm, refusals: Refusals): Promise<void> {
    const spans = spansOfOtlp(decodeTracesRequest(body, form), refusals);
    if (spans.length > 0) await store.appendSpans(spans);
    options.onSpans?.(spans.length);
  }

  async function takeLogs(body: Buffer, form: OtlpForm, refusals: Refusals): Promise<void> {
    const logs = logsOfOtlp(decodeLogsRequest(body, form), { refusals, nowMillis: now() });
    // A record that is there already was delivered before: nothing to tell.
    if (logs.length > 0) await store.appendLogs(logs);
    options.onLogs?.(logs.length);
  }

  async function takeMetrics(body: Buffer, form: OtlpForm, refusals: Refusals): Promise<void> {
    const request = decodeMetricsRequest(body, form);
    const turn = metricsTurn.then(async () => {
      try {
        const batch = metricsOfOtlp(request, { deltas, refusals, nowMillis: now() });
        if (batch.samples.length > 0) await store.appendMetrics(batch);
        deltas.commit();
      } catch (error) {
        deltas.rollback();
        throw error;
      }
    });
    metricsTurn = turn.catch(() => {});
    await turn;
  }

  async function take(exchange: Exchange, signal: OtlpSignal, form: OtlpForm): Promise<Reply> {
    const body = await exchange.body(MAX_BODY_BYTES);
    const refusals = new Refusals();
    try {
      if (signal === 'traces') await takeTraces(body, form, refusals);
      else if (signal === 'logs') await takeLogs(body, form, refusals);
      else await takeMetrics(body, form, refusals);
    } catch (error) {
      if (!(error instanceof MessageMalformed)) throw error;
      return reply(400, form, encodeOtlpStatus(form, 400, `cannot read the request: ${error.message}`));
    }
    return reply(200, form, encodeOtlpResponse(signal, form, refusals.partialSuccess));
  }

  return {
    async handle(exchange) {
      const [version, signal = '', ...rest] = exchange.segments;
      if (version !== 'v1' || !SIGNALS.has(signal) || rest.length > 0)
        return textReply(404, 'wanted /v1/traces, /v1/logs or /v1/metrics\n');
      if (exchange.method !== 'POST') return textReply(405, 'wanted POST\n', { allow: 'POST' });
      const form = formOf(exchange.headers);
      if (form === undefined) {
        const type = (exchange.headers['content-type'] ?? 'none').slice(0, 80);
        return textReply(415, `got content-type ${type}, wanted application/x-protobuf or application/json\n`);
      }
      return take(exchange, signal as OtlpSignal, form);
    },
    refuse({ status, reason, headers }, requestHeaders) {
      const form = formOf(requestHeaders);
      if (form === undefined) return textReply(status, `${reason}\n`, headers);
      return reply(status, form, encodeOtlpStatus(form, status, reason), headers);
    },
  };
}

function formOf(headers: IncomingHttpHeaders): OtlpForm | undefined {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/x-protobuf') return 'protobuf';
  return type === 'application/json' ? 'json' : undefined;
}

/** The answer comes in the form of the request. */
function reply(
  status: number,
  form: OtlpForm,
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers: { 'content-type': OTLP_CONTENT_TYPES[form], ...headers }, body };
}
