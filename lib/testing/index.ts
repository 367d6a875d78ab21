/** `sightline/testing`: for tests of services that are observed by Sightline. */
export { assertLog, assertSpan, assertTrace, type WaitOptions } from './assertions.ts';
export type { EvidenceOf, LogEvidence, SpanEvidence, Via } from './evidence.ts';
export type { Expected, ExpectedLog, ExpectedSpan, ExpectedTrace } from './expected.ts';
export { type Fault, type FaultAnswer, faults } from './faults.ts';
export { matchers, type SightlineMatchers } from './matchers.ts';
export { type Observed, type ObservedEnd, type ObservedOptions, startObserved } from './observed.ts';
export type { ReceivedPush, ReceivedSpan } from './received.ts';
export { type Outage, type ReceivedRequest, type Receiver, startReceiver } from './receiver.ts';
