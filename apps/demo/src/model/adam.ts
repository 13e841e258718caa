import type { Parameter } from './layer.js';

const decay1 = 0.9;
const decay2 = 0.999;
const epsilon = 1e-8;

/** Adam (Kingma and Ba 2015, algorithm 1) with its usual decays. */
export class Adam {
  readonly #states: readonly {
    readonly parameter: Parameter;
    readonly mean: Float64Array;
    readonly square: Float64Array;
  }[];
  #step = 0;

  constructor(parameters: readonly Parameter[]) {
    this.#states = parameters.map((parameter) => ({
      parameter,
      mean: new Float64Array(parameter.values.length),
      square: new Float64Array(parameter.values.length),
    }));
  }

  /** Moves the parameters against their gradients. */
  step(learningRate: number): void {
    this.#step += 1;
    const correction1 = 1 - decay1 ** this.#step;
    const correction2 = 1 - decay2 ** this.#step;
    for (const { parameter, mean, square } of this.#states) {
      for (let i = 0; i < mean.length; i += 1) {
        const gradient = parameter.gradient[i]!;
        mean[i] = decay1 * mean[i]! + (1 - decay1) * gradient;
        square[i] = decay2 * square[i]! + (1 - decay2) * gradient * gradient;
        parameter.values[i]! -=
          (learningRate * (mean[i]! / correction1)) / (Math.sqrt(square[i]! / correction2) + epsilon);
      }
    }
  }
}
