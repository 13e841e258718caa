/** Random numbers that depend on a seed and on nothing else. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** One stream of random numbers. */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  /** @param seed a whole number; its low 32 bits count */
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** A number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * uniformFloat64(this.#generator);
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return uniformInt(this.#generator, 0, count - 1);
  }

  /** A normally distributed number of mean 0 and variance 1 (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A stream of its own, so that what one part draws does not change what another one gets. */
  fork(): Random {
    return new Random(uniformInt(this.#generator, 0, 0xffff_ffff));
  }

  /** The numbers 0 to count - 1 in random order (Fisher and Yates). */
  permutation(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let last = count - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      [order[last], order[other]] = [order[other]!, order[last]!];
    }
    return order;
  }
}
