import type { DropReason } from './journal/journal-writer.ts';
import type { CourierNotice } from './worker/courier.ts';

const WORDS: Readonly<Record<CourierNotice['signal'], string>> = { logs: 'logs', spans: 'traces' };

/** Turns changes of state into one sentence each. */
export class NoticeBoard {
  private readonly say: (text: string) => void;
  private readonly quiet: boolean;
  private readonly saidDown = new Set<string>();

  /** @param quiet true: a backend that is down is spoken of once, and no more after that */
  constructor(say: (text: string) => void, quiet: boolean) {
    this.say = say;
    this.quiet = quiet;
  }

  backend(notice: CourierNotice): void {
    const word = WORDS[notice.signal];
    if (this.quiet && this.saidDown.has(notice.signal)) return;
    if (notice.kind === 'down') {
      this.saidDown.add(notice.signal);
      this.say(
        `${word}: ${notice.address} does not take them (${notice.reason}); they are kept in the journal and sent again`,
      );
    } else {
      this.say(
        `${word}: ${notice.address} takes them again after ${notice.seconds.toFixed(1)} s; ${notice.waiting} records waited`,
      );
    }
  }

  disk(reason: DropReason | undefined, error: unknown, directory: string): void {
    if (reason === undefined) this.say(`the journal in ${directory} takes records again`);
    else if (reason === 'journal_full')
      this.say(
        `the journal in ${directory} is full; new records are dropped until a backend takes the old ones. SIGHTLINE_JOURNAL_MAX gives it more room`,
      );
    else
      this.say(
        `SIGHTLINE_E_JOURNAL: the journal in ${directory} cannot be written (${error instanceof Error ? error.message : String(error)}); records are dropped and counted. Set SIGHTLINE_DATA_DIR to a directory on a disk with room`,
      );
  }
}
