/** What layers of a network have in common. */

/** Numbers of the precision that a network computes in: float32 to train, float64 to check its gradients. */
export type Floats = Float32Array | Float64Array;

/** Makes zeroed numbers of a network's precision. */
export type FloatsConstructor = new (length: number) => Floats;

/** Activations: [images, channels, height, width]. */
export interface Shape {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Number of activations of a shape. */
export function lengthOf({ images, channels, height, width }: Shape): number {
  return images * channels * height * width;
}

/** Learned numbers and the loss's gradient by them. */
export interface Parameter {
  readonly values: Floats;
  readonly gradient: Floats;
}

/** A differentiable step of a network. Its buffers are made once and overwritten by every call. */
export interface Layer {
  readonly output: Shape;
  readonly parameters: readonly Parameter[];
  /** Output for an input; keeps what {@link backward} needs of it. */
  forward(input: Floats): Floats;
  /** From the gradient by the output, sets the parameters' gradients and returns the gradient by the input. */
  backward(gradient: Floats): Floats;
}
