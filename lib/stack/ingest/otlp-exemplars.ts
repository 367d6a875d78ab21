import type { Received } from '../../codec/message-shape.ts';
import type { OtlpExemplar } from '../../codec/otlp-metric.ts';
import type { Exemplar } from '../store/store.ts';
import { attributesText, isId, millisOf } from './otlp-values.ts';

/** OpenMetrics 1.0, "Exemplars": characters of names and values together. */
const MAX_CODE_POINTS = 128;

/** An exemplar with the IDs of its trace, and with its attributes as far as the limit of OpenMetrics has room for them. */
export function exemplarOf(exemplar: Received<OtlpExemplar>): Exemplar | undefined {
  const value = exemplar.asDouble ?? (exemplar.asInt === undefined ? undefined : Number(exemplar.asInt));
  if (value === undefined) return undefined;
  const ids: Record<string, string> = {
    ...(isId(exemplar.traceId, 16) && { trace_id: exemplar.traceId }),
    ...(isId(exemplar.spanId, 8) && { span_id: exemplar.spanId }),
  };
  const attributes = Object.fromEntries(attributesText(exemplar.filteredAttributes));
  const fits = codePoints(ids) + codePoints(attributes) <= MAX_CODE_POINTS;
  return { labels: fits ? { ...attributes, ...ids } : ids, value, timestamp: millisOf(exemplar.timeUnixNano) };
}

function codePoints(labels: Readonly<Record<string, string>>): number {
  return [...Object.entries(labels).flat().join('')].length;
}

/** The newest exemplar of each bucket, by its index; the last index is that of `+Inf`. */
export function nearestBucket(
  exemplars: readonly Exemplar[],
  bounds: readonly number[],
): ReadonlyMap<number, Exemplar> {
  const result = new Map<number, Exemplar>();
  for (const exemplar of exemplars) {
    const found = bounds.findIndex((bound) => exemplar.value <= bound);
    const index = found < 0 ? bounds.length : found;
    if ((result.get(index)?.timestamp ?? -1) <= exemplar.timestamp) result.set(index, exemplar);
  }
  return result;
}
