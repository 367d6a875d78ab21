import { settle, type WaitOptions } from './assertions.ts';
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

/** What Jest and Vitest give to a matcher as `this`, as far as it is used. */
interface MatcherContext {
  readonly isNot?: boolean;
}

/**
 * Types of the matchers, for TypeScript: `declare module 'vitest' { interface Matchers extends SightlineMatchers {} }`, or
 * `'expect'` with Jest.
 */
export interface SightlineMatchers {
  toHaveLog(id: string, expected?: ExpectedLog, options?: WaitOptions): Promise<void>;
  toHaveSpan(id: string, expected?: ExpectedSpan, options?: WaitOptions): Promise<void>;
  toBeOneTrace(id: string, expected?: ExpectedTrace, options?: WaitOptions): Promise<void>;
}

interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

async function judged(
  context: MatcherContext,
  receiver: Receiver,
  judge: () => Verdict,
  options: WaitOptions | undefined,
): Promise<MatcherResult> {
  // With `.not` there is nothing to wait for: who asks has seen to it that everything has come.
  const { pass, message } = context.isNot === true ? judge() : await settle(receiver, judge, options);
  return { pass, message: () => message };
}

/**
 * Matchers for `expect.extend` of Jest and Vitest. All are asynchronous: `await expect(receiver).toHaveLog(id, …)`.
 * They wait for telemetry to arrive; with `.not` they look once.
 */
export const matchers = {
  /** See `assertLog`. */
  toHaveLog(
    this: MatcherContext,
    receiver: Receiver,
    id: string,
    expected: ExpectedLog = {},
    options?: WaitOptions,
  ): Promise<MatcherResult> {
    return judged(this, receiver, () => judgeLog(receiver, id, expected), options);
  },
  /** See `assertSpan`. */
  toHaveSpan(
    this: MatcherContext,
    receiver: Receiver,
    id: string,
    expected: ExpectedSpan = {},
    options?: WaitOptions,
  ): Promise<MatcherResult> {
    return judged(this, receiver, () => judgeSpan(receiver, id, expected), options);
  },
  /** See `assertTrace`. */
  toBeOneTrace(
    this: MatcherContext,
    receiver: Receiver,
    id: string,
    expected: ExpectedTrace = {},
    options?: WaitOptions,
  ): Promise<MatcherResult> {
    return judged(this, receiver, () => judgeTrace(receiver, id, expected), options);
  },
};
