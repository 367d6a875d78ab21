import { parseMillis } from '../../core/units.ts';
import { type DeadLetter, letterKey } from '../../delivery/journal/dead-letter.ts';
import type { Command, Invocation, OptionSpecification } from '../command.ts';
import { usageError } from '../usage.ts';

/** Levels of a record that are looked through for an ID; deeper ones hold the app's own data. */
const MAX_DEPTH = 12;

export const FILTERS: Readonly<Record<string, OptionSpecification>> = {
  signal: { type: 'string', placeholder: 'SIGNAL', meaning: 'only logs or spans' },
  service: { type: 'string', placeholder: 'NAME', meaning: 'only of this service' },
  reason: { type: 'string', placeholder: 'TEXT', meaning: 'only with this text in reason, status or answer' },
  text: { type: 'string', placeholder: 'TEXT', meaning: 'only whose record has this text' },
  since: { type: 'string', placeholder: 'TIME', meaning: 'only refused since: 2h, 3d, or a date' },
  id: { type: 'string', placeholder: 'ID', meaning: 'only under this correlation ID or trace ID' },
};

/** Which letters a command is about. */
export interface Selection {
  /** False: all there are. */
  readonly isNarrow: boolean;
  includes(letter: DeadLetter): boolean;
}

/**
 * Reads filters and keys.
 * @throws SightlineError SIGHTLINE_E_USAGE
 */
export function selectionOf(
  command: Command,
  { values }: Pick<Invocation, 'values'>,
  keys: readonly string[],
  nowMillis = Date.now(),
): Selection {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const [signal, service, id, words] = [text('signal'), text('service'), text('id'), text('text')];
  const reason = text('reason')?.toLowerCase();
  if (signal !== undefined && signal !== 'logs' && signal !== 'spans')
    throw usageError(command, `got --signal ${signal}, wanted logs or spans`);
  const since = text('since') === undefined ? undefined : sinceMillis(command, text('since')!, nowMillis);
  return {
    isNarrow: keys.length > 0 || [signal, service, reason, since, id, words].some((filter) => filter !== undefined),
    includes: (letter) =>
      (keys.length === 0 || keys.includes(letterKey(letter))) &&
      (signal === undefined || letter.signal === signal) &&
      (service === undefined || letter.service === service) &&
      (words === undefined || letter.record.includes(words)) &&
      (since === undefined || Date.parse(letter.last) >= since) &&
      (reason === undefined ||
        `${letter.reason}\n${letter.status ?? ''}\n${letter.response}`.toLowerCase().includes(reason)) &&
      (id === undefined || recordHasId(letter.record, id)),
  };
}

function sinceMillis(command: Command, text: string, nowMillis: number): number {
  const age = parseMillis(text);
  const at = age === undefined ? Date.parse(text) : nowMillis - age;
  if (Number.isNaN(at))
    throw usageError(
      command,
      `got --since ${text}, wanted an age such as 2h or 3d, or a date such as 2026-11-25T10:00:00Z`,
    );
  return at;
}

/** Whether a record, of any of our formats, is under a correlation ID or trace ID. */
export function recordHasId(record: string, id: string): boolean {
  try {
    return hasId(JSON.parse(record), id, 0);
  } catch {
    return false;
  }
}

function hasId(value: unknown, id: string, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false;
  const object = value as Record<string, unknown>;
  if (object['correlation.id'] === id || object['trace.id'] === id || object['traceId'] === id) return true;
  // OTLP: `{ "key": "correlation.id", "value": { "stringValue": … } }`
  if (object['key'] === 'correlation.id' && (object['value'] as { stringValue?: unknown })?.stringValue === id)
    return true;
  return Object.values(object).some((member) => hasId(member, id, depth + 1));
}
