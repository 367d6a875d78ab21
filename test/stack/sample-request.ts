/** One request through three services as the wire brings it: spans, log documents, a metrics page with an exemplar. */
export const CORRELATION_ID = 'cart/7f3a:checkout=1';
export const TRACE_ID = '7f3a9c1e5b2d4086a1f0e3d92b77ac21';

export interface SampleRequest {
  readonly spans: readonly Record<string, unknown>[];
  readonly documents: readonly Record<string, unknown>[];
}

/** @param startMicros when it began */
export function sampleRequest(
  startMicros: number,
  ids: { traceId?: string; correlationId?: string } = {},
): SampleRequest {
  const traceId = ids.traceId ?? TRACE_ID;
  const correlationId = ids.correlationId ?? CORRELATION_ID;
  const span = (service: string, part: Record<string, unknown> & { at: number }) => {
    const { at, tags, ...rest } = part as { at: number; tags?: Record<string, string> };
    return {
      traceId,
      timestamp: startMicros + at,
      localEndpoint: { serviceName: service },
      tags: { 'correlation.id': correlationId, ...tags },
      ...rest,
    };
  };
  const document = (
    service: string,
    part: { at: number; level: string; message: string; span: string } & Record<string, unknown>,
  ) => {
    const { at, level, message, span: spanId, ...rest } = part;
    const micros = startMicros + at;
    const fraction = String(micros % 1_000_000).padStart(6, '0');
    return {
      '@timestamp': `${new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19)}.${fraction}Z`,
      'log.level': level,
      message,
      'ecs.version': '8.11.0',
      'service.name': service,
      'trace.id': traceId,
      'span.id': spanId,
      'correlation.id': correlationId,
      ...rest,
    };
  };
  const stack =
    'BankUnavailable: the bank gave 503 twice\n    at charge (payments/bank.js:41:11)\n    at POST /charges (payments/server.js:18:20)';
  return {
    spans: [
      span('storefront', {
        at: 0,
        id: 'a000000000000001',
        kind: 'SERVER',
        name: 'POST /checkout',
        duration: 184_000,
        tags: { error: '502', 'http.response.status_code': '502', 'http.route': '/checkout' },
      }),
      span('storefront', {
        at: 4000,
        id: 'a000000000000002',
        parentId: 'a000000000000001',
        kind: 'CLIENT',
        name: 'POST',
        duration: 176_000,
        tags: { error: '502' },
      }),
      span('orders', {
        at: 8000,
        id: 'b000000000000001',
        parentId: 'a000000000000002',
        kind: 'SERVER',
        name: 'POST /orders',
        duration: 168_000,
        tags: { error: '502', 'http.response.status_code': '502' },
      }),
      span('orders', {
        at: 12_000,
        id: 'b000000000000002',
        parentId: 'b000000000000001',
        kind: 'CLIENT',
        name: 'POST',
        duration: 158_000,
      }),
      span('payments', {
        at: 16_000,
        id: 'c000000000000001',
        parentId: 'b000000000000002',
        kind: 'SERVER',
        name: 'POST /charges',
        duration: 150_000,
        tags: {
          error: 'the bank gave 503 twice',
          'exception.type': 'BankUnavailable',
          'exception.message': 'the bank gave 503 twice',
          'exception.stacktrace': stack,
        },
      }),
    ],
    documents: [
      document('storefront', {
        at: 1200,
        level: 'info',
        message: 'checkout',
        span: 'a000000000000001',
        sku: 'poster',
        quantity: 1,
      }),
      document('orders', {
        at: 9000,
        level: 'info',
        message: 'order received',
        span: 'b000000000000001',
        amount: 9.13,
      }),
      document('payments', {
        at: 17_000,
        level: 'info',
        message: 'charging',
        span: 'c000000000000001',
        amount: 9.13,
        currency: 'EUR',
      }),
      document('payments', {
        at: 70_300,
        level: 'warn',
        message: 'bank answered 503, next attempt in 51 ms',
        span: 'c000000000000001',
        attempt: 1,
      }),
      document('payments', {
        at: 165_000,
        level: 'error',
        message: 'charge failed',
        span: 'c000000000000001',
        'error.type': 'BankUnavailable',
        'error.message': 'the bank gave 503 twice',
        'error.stack_trace': stack,
      }),
      document('storefront', {
        at: 183_000,
        level: 'error',
        message: 'POST /checkout failed',
        span: 'a000000000000001',
        'error.message': 'orders answered 502',
      }),
    ],
  };
}

/** NDJSON of a `_bulk` that creates documents with these IDs. */
export function bulkOf(
  documents: readonly Record<string, unknown>[],
  ids: (index: number) => string = (index) => `d-${index}`,
): string {
  return documents
    .map(
      (body, index) =>
        `${JSON.stringify({ create: { _index: 'logs-shop-test', _id: ids(index) } })}\n${JSON.stringify(body)}\n`,
    )
    .join('');
}

/** An OpenMetrics page with one exemplar of the trace. */
export function metricsPage(traceId: string = TRACE_ID): string {
  return [
    '# HELP http_server_request_duration_seconds Duration of HTTP server requests.',
    '# TYPE http_server_request_duration_seconds histogram',
    `http_server_request_duration_seconds_bucket{http_route="/checkout",le="0.25"} 3 # {trace_id="${traceId}",span_id="a000000000000001"} 0.184`,
    'http_server_request_duration_seconds_bucket{http_route="/checkout",le="+Inf"} 3',
    'http_server_request_duration_seconds_sum{http_route="/checkout"} 0.3',
    'http_server_request_duration_seconds_count{http_route="/checkout"} 3',
    '# EOF',
    '',
  ].join('\n');
}
