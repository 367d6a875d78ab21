import type { BulkDocuments } from '../../codec/es-bulk.ts';
import type { RecordIdentity } from '../journal/retry-journal.ts';
import type { JournalRecord } from '../journal/segment-format.ts';
import type { JournalBatch } from './journal.ts';

/**
 * Records that travel in one request: all of a batch, or what is left of it. Each has an identity under which its receiver
 * knows copies of it: writer and number, the same for every attempt, also of another process after a crash.
 */
export class Parcel implements BulkDocuments {
  private readonly batch: JournalBatch;
  /** Places in the batch. */
  private readonly places: readonly number[];

  /** @param places of the records in the batch; all of them without */
  constructor(
    batch: JournalBatch,
    places: readonly number[] = Array.from({ length: batch.records.length }, (_, at) => at),
  ) {
    this.batch = batch;
    this.places = places;
  }

  get length(): number {
    return this.places.length;
  }

  /** Bytes of all records. */
  get bytes(): number {
    const { records } = this.batch;
    if (this.length === records.length) return records.payloadBytes;
    return this.places.reduce((bytes, place) => bytes + records.sizeAt(place), 0);
  }

  id(at: number): string {
    const number = this.batch.records.numberAt(this.places[at]!);
    return this.before(at)?.id ?? `${this.batch.journal.writerId}-${number.toString(36)}`;
  }

  /** What a record was before it became a dead letter and was tried again. */
  before(at: number): RecordIdentity | undefined {
    return this.batch.journal.before(this.batch.kind, this.batch.records.numberAt(this.places[at]!));
  }

  size(at: number): number {
    return this.batch.records.sizeAt(this.places[at]!);
  }

  copyTo(target: Buffer, start: number, at: number): number {
    return this.batch.records.copyTo(target, start, this.places[at]!);
  }

  timeMillis(at: number): number {
    return this.batch.records.timeAt(this.places[at]!);
  }

  record(at: number): JournalRecord {
    return this.batch.records.recordAt(this.places[at]!);
  }

  /** Those for which `keep` holds; the parcel itself when it is all of them. */
  filter(keep: (at: number) => boolean): Parcel {
    const places = this.places.filter((_, at) => keep(at));
    return places.length === this.length ? this : new Parcel(this.batch, places);
  }

  halves(): [Parcel, Parcel] {
    const middle = this.length >> 1;
    return [new Parcel(this.batch, this.places.slice(0, middle)), new Parcel(this.batch, this.places.slice(middle))];
  }
}
