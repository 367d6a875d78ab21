import type { Signal } from '../../model/telemetry-sink.ts';

/** What a record of the journal is; the numbers are part of the file format. */
export const RecordKind = { LOG: 1, SPAN: 2 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

export const RECORD_KINDS = [RecordKind.LOG, RecordKind.SPAN] as const;

export const SIGNAL_OF_KIND: Readonly<Record<RecordKind, Signal>> = {
  [RecordKind.LOG]: 'logs',
  [RecordKind.SPAN]: 'spans',
};
export const KIND_OF_SIGNAL: Readonly<Record<Signal, RecordKind>> = { logs: RecordKind.LOG, spans: RecordKind.SPAN };
