import { Random } from '../fillers/random.js';

/** How to walk through a list of items. */
export interface SequenceOptions {
  /** The number of items. */
  readonly length: number;
  /** Whether to walk in random order, another one in every round. */
  readonly shuffle: boolean;
  readonly seed: number;
  /** Where the first round begins. */
  readonly start?: number;
}

/**
 * An endless walk over a list of items, round after round. Step k depends on nothing but the options and k, so that steps
 * can be passed over at no cost.
 */
export class Sequence {
  readonly #options: SequenceOptions;
  #step = 0;
  #round = -1;
  #order: number[] = [];

  constructor(options: SequenceOptions) {
    this.#options = options;
  }

  /** Passes over steps. */
  skip(steps: number): void {
    this.#step += steps;
  }

  /** The item of this step, and a random stream of its own for what is drawn on it. */
  next(): { readonly item: number; readonly random: Random } {
    const { length, shuffle, seed, start = 0 } = this.#options;
    const step = this.#step++ + start;
    const random = new Random(seed, 1, step);
    const position = step % length;
    if (!shuffle) return { item: position, random };
    const round = Math.floor(step / length);
    if (round !== this.#round) {
      this.#order = Array.from({ length }, (_, i) => i);
      new Random(seed, 0, round).shuffle(this.#order);
      this.#round = round;
    }
    return { item: this.#order[position]!, random };
  }
}
