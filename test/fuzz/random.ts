import { createHash } from 'node:crypto';

/**
 * Random numbers that a text decides: the same text gives the same numbers on every machine (sfc32 by Chris Doty-Humphrey,
 * PractRand; its state is a SHA-256 of the text).
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: string) {
    const state = createHash('sha256').update(seed).digest();
    this.a = state.readInt32LE(0);
    this.b = state.readInt32LE(4);
    this.c = state.readInt32LE(8);
  }

  /** 32 random bits. */
  bits(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A whole number from 0 to below `end`; 0 for an empty range. */
  below(end: number): number {
    return end <= 0 ? 0 : Math.floor((this.bits() / 2 ** 32) * end);
  }

  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** True in one of `times` cases. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  /** As many as said, each made anew. */
  times<Value>(count: number, make: (at: number) => Value): Value[] {
    return Array.from({ length: count }, (_, at) => make(at));
  }

  /** Small in most cases, rarely up to `most`: sizes of things. */
  size(most: number): number {
    const bound = this.oneIn(40) ? most : this.oneIn(6) ? Math.min(most, 64) : Math.min(most, 8);
    return this.below(bound + 1);
  }
}
