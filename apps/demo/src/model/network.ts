/** The pixel classifier: from an image to a logit per pixel. */
import type { Random } from '../random.js';
import { Conv } from './conv.js';
import type { Floats, FloatsConstructor, Layer, Parameter, Shape } from './layer.js';
import { Relu } from './relu.js';

/** Options of {@link Network}. */
export interface NetworkOptions {
  /** Shape of the input. */
  readonly input: Shape;
  /** Channels of the hidden layers. */
  readonly channels: number;
  readonly floats: FloatsConstructor;
  readonly random: Random;
}

/**
 * Three hidden 3 x 3 convolutions with ReLU, their taps 1, 2 and 4 pixels apart, and a fourth that gives the logit: each
 * pixel is judged by the 17 x 17 pixels around it.
 */
export class Network {
  readonly #layers: readonly Layer[];

  constructor({ input, channels, floats, random }: NetworkOptions) {
    const layers: Layer[] = [];
    let shape = input;
    for (const dilation of [1, 2, 4]) {
      const conv = new Conv({ input: shape, channels, dilation, floats, random });
      shape = conv.output;
      layers.push(conv, new Relu(shape, floats));
    }
    // Small at first, so that training starts from predictions near 1/2.
    layers.push(new Conv({ input: shape, channels: 1, gain: 0.1, floats, random }));
    this.#layers = layers;
  }

  get parameters(): readonly Parameter[] {
    return this.#layers.flatMap((layer) => layer.parameters);
  }

  /** Logits for images; the next call overwrites them. */
  forward(images: Floats): Floats {
    let activations = images;
    for (const layer of this.#layers) activations = layer.forward(activations);
    return activations;
  }

  /** From the loss's gradient by the logits, sets those by the parameters and returns the one by the images. */
  backward(gradient: Floats): Floats {
    let current = gradient;
    for (const layer of this.#layers.toReversed()) current = layer.backward(current);
    return current;
  }
}
