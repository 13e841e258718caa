import { lengthOf, type Floats, type FloatsConstructor, type Layer, type Shape } from './layer.js';

/** y = max(x, 0); dx = dy where x > 0, else 0. */
export class Relu implements Layer {
  readonly output: Shape;
  readonly parameters = [];
  readonly #activations: Floats;
  readonly #gradient: Floats;

  constructor(shape: Shape, floats: FloatsConstructor) {
    this.output = shape;
    this.#activations = new floats(lengthOf(shape));
    this.#gradient = new floats(lengthOf(shape));
  }

  forward(input: Floats): Floats {
    const activations = this.#activations;
    for (let i = 0; i < activations.length; i += 1) activations[i] = Math.max(input[i]!, 0);
    return activations;
  }

  backward(gradient: Floats): Floats {
    const result = this.#gradient;
    const activations = this.#activations;
    for (let i = 0; i < result.length; i += 1) result[i] = activations[i]! > 0 ? gradient[i]! : 0;
    return result;
  }
}
