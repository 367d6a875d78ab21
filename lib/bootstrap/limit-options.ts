import { row } from './option-row.ts';
import * as as from './option-types.ts';

const count = as.integer(0, 100_000);
const length = as.integer(0, 2 ** 31);

/** The standard limits (OpenTelemetry, "Environment Variable Specification": attribute, span and log record limits). */
export const LIMIT_OPTIONS = {
  generalAttributeValueLengthLimit: row(
    'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    'none',
    'characters of a value, in spans, their events and links, and in fields of log lines, unless one of the limits below says otherwise',
    length,
  ),
  generalAttributeCountLimit: row(
    'OTEL_ATTRIBUTE_COUNT_LIMIT',
    '128 in spans',
    'attributes of a span and fields of a log line, unless one of the limits below says otherwise',
    count,
  ),
  attributeValueLengthLimit: row(
    'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    '`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`',
    'characters of an attribute value of a span, its events and links',
    length,
  ),
  attributeCountLimit: row(
    'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
    '`OTEL_ATTRIBUTE_COUNT_LIMIT`, else 128',
    'attributes of a span; further ones are counted in `otel.dropped_attributes_count`',
    count,
  ),
  eventCountLimit: row('OTEL_SPAN_EVENT_COUNT_LIMIT', '128', 'events of a span; the oldest go', count),
  linkCountLimit: row('OTEL_SPAN_LINK_COUNT_LIMIT', '128', 'links of a span; the oldest go', count),
  eventAttributeCountLimit: row(
    'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
    '128',
    'attributes of an event, such as an exception',
    count,
  ),
  linkAttributeCountLimit: row('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', '128', 'attributes of a link', count),
  logAttributeValueLengthLimit: row(
    'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
    '`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`',
    'characters of a text in the fields that the app has given a log line, at any depth; message and `error.*` have bounds of their own',
    length,
  ),
  logAttributeCountLimit: row(
    'OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
    '`OTEL_ATTRIBUTE_COUNT_LIMIT`, else 400',
    'fields of the app that a log line keeps under their names, nested ones counted, at most 400; the others go together into `app.more`',
    count,
  ),
};
