/** Numbers that depend on a seed alone: the same cases on every machine. */

/** A generator of pseudo-random numbers (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A generator for one purpose, independent of how often others were asked. */
  static for(seed: number, purpose: string): Random {
    // FNV-1a of the purpose, so that a check gets the same numbers whichever other checks run.
    let hash = 0x811c9dc5 ^ seed;
    for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
    return new Random(hash);
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  /** In [0, 1). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.#next() + this.#next() / 2 ** 32) / 2 ** 32);
  }

  /** A whole number in [0, below). */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(choices.length)] as T;
  }

  /** About normal, by the sum of uniform numbers; bounded by 6. */
  normal(): number {
    let total = -6;
    for (let i = 0; i < 12; i++) total += this.uniform();
    return total;
  }
}
