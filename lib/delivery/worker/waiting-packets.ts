/** Packets that wait at most: a second of a very busy process, or a quarter of an hour of a quiet one. */
export const MAX_WAITING = 1000;

/** Told what became of packets: how many are done with, and how many of those nobody took. */
export type PacketOutcome = (handled: number, failed: number) => void;

/** Packets without anybody to take them yet. The first ones stay, those beyond the bound are dropped; nothing goes uncounted. */
export class WaitingPackets {
  private readonly onOutcome: PacketOutcome;
  private waiting: string[] = [];

  constructor(onOutcome: PacketOutcome) {
    this.onOutcome = onOutcome;
  }

  get length(): number {
    return this.waiting.length;
  }

  add(packets: readonly string[]): void {
    const room = Math.max(0, MAX_WAITING - this.waiting.length);
    this.waiting.push(...packets.slice(0, room));
    const over = packets.length - room;
    if (over > 0) this.onOutcome(over, over);
  }

  /** Gives them away: whoever takes them says what became of them. */
  take(): readonly string[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Nobody will come. */
  drop(): void {
    const lost = this.take().length;
    if (lost > 0) this.onOutcome(lost, lost);
  }
}
