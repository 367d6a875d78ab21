/** A sum that keeps what floating point loses: Kahan's summation with Neumaier's improvement, as in Prometheus. */
export class KahanSum {
  sum = 0;
  compensation = 0;

  add(value: number): void {
    const total = this.sum + value;
    if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) this.compensation = 0;
    else if (Math.abs(this.sum) >= Math.abs(value)) this.compensation += this.sum - total + value;
    else this.compensation += value - total + this.sum;
    this.sum = total;
  }

  get value(): number {
    return this.sum + this.compensation;
  }

  reset(sum = 0, compensation = 0): void {
    this.sum = sum;
    this.compensation = compensation;
  }
}

/** A mean of values one after the other, that changes its way of calculation before the sum overflows. */
export class RunningMean {
  readonly #state = new KahanSum();
  #count = 0;
  #incremental = false;

  reset(): void {
    this.#state.reset();
    this.#count = 0;
    this.#incremental = false;
  }

  add(value: number): void {
    const state = this.#state;
    this.#count += 1;
    if (this.#count === 1) {
      state.reset(value);
      return;
    }
    if (!this.#incremental) {
      const { sum, compensation } = state;
      state.add(value);
      if (Math.abs(state.sum) !== Number.POSITIVE_INFINITY) return;
      this.#incremental = true;
      state.reset(sum / (this.#count - 1), compensation / (this.#count - 1));
    }
    const share = (this.#count - 1) / this.#count;
    state.reset(state.sum * share, state.compensation * share);
    state.add(value / this.#count);
  }

  get value(): number {
    const { sum, compensation } = this.#state;
    return this.#incremental ? sum + compensation : sum / this.#count + compensation / this.#count;
  }
}

/** The variance of values one after the other: Welford's algorithm with compensated sums. */
export class RunningVariance {
  readonly #mean = new KahanSum();
  readonly #squares = new KahanSum();
  #count = 0;

  reset(): void {
    this.#mean.reset();
    this.#squares.reset();
    this.#count = 0;
  }

  add(value: number): void {
    this.#count += 1;
    const difference = value - this.#mean.value;
    this.#mean.add(difference / this.#count);
    this.#squares.add(difference * (value - this.#mean.value));
  }

  get value(): number {
    return this.#squares.value / this.#count;
  }
}
