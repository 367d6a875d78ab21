import type { PartialSuccess } from './otlp.ts';
import type { OtlpForm } from './otlp-request.ts';
import { ProtobufWriter } from './protobuf.ts';

export const OTLP_CONTENT_TYPES: Readonly<Record<OtlpForm, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** Name of the count in the JSON form of each signal's answer. */
const REJECTED = { traces: 'rejectedSpans', logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints' } as const;
export type OtlpSignal = keyof typeof REJECTED;

/** `Export…ServiceResponse`: empty when everything was taken. Source: OTLP 1.x, "Full Success", "Partial Success". */
export function encodeOtlpResponse(
  signal: OtlpSignal,
  form: OtlpForm,
  partial: PartialSuccess | undefined,
): Buffer | string {
  if (form === 'json') {
    if (partial === undefined) return '{}';
    return JSON.stringify({
      partialSuccess: { [REJECTED[signal]]: String(partial.rejected), errorMessage: partial.message },
    });
  }
  const writer = new ProtobufWriter();
  if (partial !== undefined) {
    writer.message(1, () => {
      writer.string(2, partial.message);
      writer.uint(1, partial.rejected);
    });
  }
  return writer.finish();
}

/** `google.rpc.Code` of the HTTP statuses that the stack refuses with. */
const CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 429: 8, 503: 14, 504: 4 };
const INTERNAL = 13;

/** `google.rpc.Status`, the body of a refusal. Source: OTLP 1.x, "Failures". */
export function encodeOtlpStatus(form: OtlpForm, httpStatus: number, text: string): Buffer | string {
  const code = CODES[httpStatus] ?? INTERNAL;
  if (form === 'json') return JSON.stringify({ code, message: text });
  const writer = new ProtobufWriter();
  writer.string(2, text);
  writer.uint(1, code);
  return writer.finish();
}
