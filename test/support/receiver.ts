/** The receiver that users have: there is one. */
export type { Fault } from '../../lib/testing/faults.ts';
export type { ReceivedSpan } from '../../lib/testing/received.ts';
export { type Receiver, startReceiver } from '../../lib/testing/receiver.ts';
