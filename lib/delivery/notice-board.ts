import type { DropReason } from './journal/journal-writer.ts';
import type { CourierNotice } from './worker/courier.ts';

const WORDS: Readonly<Record<CourierNotice['signal'], string>> = { logs: 'logs', spans: 'traces' };

/** Turns changes of state into one sentence each. */
export class NoticeBoard {
  private readonly say: (text: string) => void;
  private readonly quiet: boolean;
  private saidOnce = false;

  /** @param quiet true: nobody asked for these backends; that one is down is said once, for all, and no more */
  constructor(say: (text: string) => void, quiet: boolean) {
    this.say = say;
    this.quiet = quiet;
  }

  backend(notice: CourierNotice): void {
    if (this.quiet && (this.saidOnce || notice.kind === 'back')) return;
    this.saidOnce = true;
    const word = WORDS[notice.signal];
    if (notice.kind === 'back') {
      this.say(
        `${word}: ${notice.address} takes them again after ${notice.seconds.toFixed(1)} s; ${notice.waiting} records waited`,
      );
      return;
    }
    const fate = 'they are kept in the journal and sent again';
    const hint = this.quiet ? '. Start the local stack with: npx sightline up' : '';
    this.say(`${word}: ${notice.address} does not take them (${notice.reason}); ${fate}${hint}`);
  }

  /**
   * @param reason undefined: the disk takes records again
   * @param detail what the system said
   */
  disk(reason: DropReason | undefined, detail: string | undefined, directory: string): void {
    if (reason === undefined) {
      this.say(`the journal in ${directory} takes records again`);
    } else if (reason === 'journal_full') {
      this.say(
        `the journal in ${directory} is full; new records are dropped and counted until a backend takes the old ones. SIGHTLINE_JOURNAL_MAX gives it more room`,
      );
    } else {
      this.say(
        `SIGHTLINE_E_JOURNAL: the journal in ${directory} cannot be written (${detail ?? 'no reason given'}); records are dropped and counted. Set SIGHTLINE_DATA_DIR to a directory on a disk with room`,
      );
    }
  }

  slowDisk(slow: boolean, directory: string): void {
    this.say(
      slow
        ? `SIGHTLINE_W_SLOW_DISK: the disk of the journal in ${directory} is slow; records wait in memory and the worker writes them. Those in memory are lost if the process is killed. Set SIGHTLINE_DATA_DIR to a quicker disk`
        : `the disk of the journal in ${directory} is quick again; records are written at once`,
    );
  }

  damaged(path: string): void {
    this.say(
      `SIGHTLINE_W_JOURNAL_DAMAGED: a segment of the journal was damaged; what could be read of it was sent, the rest is counted. It is kept as ${path}`,
    );
  }

  /** Records that were meant for a destination that is not configured any more. */
  elsewhere(records: number, directory: string, maxAgeMillis: number): void {
    if (this.quiet) return;
    this.say(
      `SIGHTLINE_W_OTHER_DESTINATION: ${records} records in ${directory} are meant for a backend that is not configured now; they are sent when it is again, or dropped and counted when they are ${Math.round(maxAgeMillis / 60_000)} minutes old`,
    );
  }
}
