import { AssertionError } from 'node:assert';
import {
  type ExpectedLog,
  type ExpectedSpan,
  type ExpectedTrace,
  judgeLog,
  judgeSpan,
  judgeTrace,
  type Verdict,
} from './expected.ts';
import type { Receiver } from './receiver.ts';

export interface WaitOptions {
  /** How long telemetry may take to arrive, milliseconds; default 10 000. */
  readonly timeoutMillis?: number;
}

/** Waits until the verdict is good. @returns the last one */
export async function settle(receiver: Receiver, judge: () => Verdict, options: WaitOptions = {}): Promise<Verdict> {
  try {
    return await receiver.until(
      'telemetry',
      () => {
        const verdict = judge();
        return verdict.pass ? verdict : undefined;
      },
      options,
    );
  } catch {
    return judge();
  }
}

async function demand(receiver: Receiver, judge: () => Verdict, options: WaitOptions | undefined): Promise<void> {
  const { pass, message } = await settle(receiver, judge, options);
  if (!pass) throw new AssertionError({ message, operator: 'sightline', stackStartFn: demand });
}

/**
 * Waits for a log line under an ID.
 *
 * @param id a correlation ID or trace ID
 * @param expected fields by their ECS names with dots; all must hold of one line
 * @throws AssertionError with the lines that have come instead
 */
export function assertLog(receiver: Receiver, id: string, expected: ExpectedLog = {}, options?: WaitOptions) {
  return demand(receiver, () => judgeLog(receiver, id, expected), options);
}

/**
 * Waits for a span under an ID.
 *
 * @param id a correlation ID or trace ID
 * @throws AssertionError with the spans that have come instead
 */
export function assertSpan(receiver: Receiver, id: string, expected: ExpectedSpan = {}, options?: WaitOptions) {
  return demand(receiver, () => judgeSpan(receiver, id, expected), options);
}

/**
 * Waits until all that comes under an ID is one trace: one trace ID in spans and log lines, one root, every parent there.
 *
 * @param id a correlation ID or trace ID
 * @throws AssertionError with what is missing
 */
export function assertTrace(receiver: Receiver, id: string, expected: ExpectedTrace = {}, options?: WaitOptions) {
  return demand(receiver, () => judgeTrace(receiver, id, expected), options);
}
