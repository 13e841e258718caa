/** What predicting the same everywhere would cost: what a net must beat to have learned anything. */

/** For each loss, how much of its targets' probability falls to every class; divided and weighted as the loss is. */
export type ClassTotals = ReadonlyMap<string, readonly number[]>;

/** Adds up batches for the best constant prediction. */
export class ConstantPrediction {
  readonly #sums = new Map<string, number[]>();
  #batches = 0;

  /** Adds a batch; undefined where losses other than cross-entropies count. */
  add(totals: ClassTotals | undefined): void {
    if (!totals) return;
    this.#batches++;
    for (const [loss, values] of totals) {
      const sums = this.#sums.get(loss) ?? values.map(() => 0);
      this.#sums.set(
        loss,
        sums.map((sum, c) => sum + values[c]!),
      );
    }
  }

  /**
   * The mean loss over the batches of the constant that is best for them, one for every cross-entropy of the net: with A the total of
   * a class, -sum A log(A / sum A).
   */
  get loss(): number | undefined {
    if (this.#batches === 0) return undefined;
    let loss = 0;
    for (const sums of this.#sums.values()) {
      const all = sums.reduce((a, b) => a + b, 0);
      for (const sum of sums) if (sum > 0) loss -= sum * Math.log(sum / all);
    }
    return loss / this.#batches;
  }
}
