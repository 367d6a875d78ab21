/** Limits of a span (OpenTelemetry, "Span Limits" and "Attribute Limits"; `OTEL_SPAN_*_LIMIT`, `OTEL_ATTRIBUTE_*_LIMIT`). */
export interface SpanLimits {
  /** UTF-16 code units of a string value; longer ones are cut. Default: none. */
  readonly attributeValueLengthLimit: number;
  /** Attributes of a span. Default 128. */
  readonly attributeCountLimit: number;
  /** Events of a span; past it the oldest goes, so that the error at the end is kept. Default 128. */
  readonly eventCountLimit: number;
  /** Links of a span; past it the oldest goes. Default 128. */
  readonly linkCountLimit: number;
  /** Attributes of one event. Default 128. */
  readonly attributePerEventCountLimit: number;
  /** Attributes of one link. Default 128. */
  readonly attributePerLinkCountLimit: number;
}

/** The specification's default for everything that is counted. */
const DEFAULT_COUNT = 128;

function count(value: number | undefined): number {
  return value !== undefined && value >= 0 ? value : DEFAULT_COUNT;
}

/** Fills in the defaults; what is no number from 0 counts as not given. */
export function createLimits(given: { readonly [Name in keyof SpanLimits]?: number | undefined } = {}): SpanLimits {
  const length = given.attributeValueLengthLimit;
  return Object.freeze({
    attributeValueLengthLimit: length !== undefined && length >= 0 ? length : Number.POSITIVE_INFINITY,
    attributeCountLimit: count(given.attributeCountLimit),
    eventCountLimit: count(given.eventCountLimit),
    linkCountLimit: count(given.linkCountLimit),
    attributePerEventCountLimit: count(given.attributePerEventCountLimit),
    attributePerLinkCountLimit: count(given.attributePerLinkCountLimit),
  });
}
