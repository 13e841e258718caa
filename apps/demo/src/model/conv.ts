import type { Random } from '../random.js';
import {
  lengthOf,
  type Floats,
  type FloatsConstructor,
  type Layer,
  type Parameter,
  type Shape,
} from './layer.js';
import { addCorrelation, addTapGradients, pad, paddedLength, type Taps } from './planes.js';

/** Options of {@link Conv}. */
export interface ConvOptions {
  readonly input: Shape;
  /** Channels of the output. */
  readonly channels: number;
  /** Distance of the taps in pixels; default 1. */
  readonly dilation?: number;
  /** Factor of the initial weights; default 1. */
  readonly gain?: number;
  readonly floats: FloatsConstructor;
  readonly random: Random;
}

/**
 * A 3 x 3 convolution (cross-correlation, as networks have it) with bias, zeros around the image, output as large as
 * the input. Weights are [output channels, input channels, 3, 3], initialised by He et al. 2015.
 */
export class Conv implements Layer {
  readonly output: Shape;
  readonly parameters: readonly [weights: Parameter, bias: Parameter];
  readonly #input: Shape;
  readonly #taps: Taps;
  readonly #paddedInput: Floats;
  readonly #paddedGradient: Floats;
  readonly #activations: Floats;
  readonly #inputGradient: Floats;
  readonly #flipped: Floats;

  constructor({ input, channels, dilation = 1, gain = 1, floats, random }: ConvOptions) {
    this.#input = input;
    this.output = { ...input, channels };
    this.#taps = { height: input.height, width: input.width, dilation };
    const padded = paddedLength(this.#taps);
    this.#paddedInput = new floats(input.images * input.channels * padded);
    this.#paddedGradient = new floats(input.images * channels * padded);
    this.#activations = new floats(lengthOf(this.output));
    this.#inputGradient = new floats(lengthOf(input));
    const taps = channels * input.channels * 9;
    this.#flipped = new floats(taps);
    const weights = { values: new floats(taps), gradient: new floats(taps) };
    const deviation = gain * Math.sqrt(2 / (9 * input.channels));
    for (let i = 0; i < taps; i += 1) weights.values[i] = deviation * random.normal();
    this.parameters = [weights, { values: new floats(channels), gradient: new floats(channels) }];
  }

  forward(input: Floats): Floats {
    const { images, channels } = this.#input;
    const [weights, bias] = this.parameters;
    const area = this.#taps.height * this.#taps.width;
    const outputs = this.output.channels;
    pad(input, this.#paddedInput, images * channels, this.#taps);
    for (let plane = 0; plane < images * outputs; plane += 1) {
      this.#activations.fill(bias.values[plane % outputs]!, plane * area, (plane + 1) * area);
    }
    this.#correlate(this.#activations, outputs, this.#paddedInput, channels, weights.values);
    return this.#activations;
  }

  backward(gradient: Floats): Floats {
    const { images, channels } = this.#input;
    const outputs = this.output.channels;
    const [weights, bias] = this.parameters;
    this.#weightGradients(gradient, weights.gradient, bias.gradient);
    // By the input, a convolution's gradient is the correlation with the weights turned by half a turn.
    for (let o = 0; o < outputs; o += 1) {
      for (let c = 0; c < channels; c += 1) {
        for (let tap = 0; tap < 9; tap += 1) {
          this.#flipped[(c * outputs + o) * 9 + tap] = weights.values[(o * channels + c) * 9 + 8 - tap]!;
        }
      }
    }
    pad(gradient, this.#paddedGradient, images * outputs, this.#taps);
    this.#inputGradient.fill(0);
    this.#correlate(this.#inputGradient, channels, this.#paddedGradient, outputs, this.#flipped);
    return this.#inputGradient;
  }

  /** Adds to `planes`, for every image and output channel, the correlations with all input channels. */
  #correlate(planes: Floats, outputs: number, padded: Floats, inputs: number, weights: Floats): void {
    const taps = this.#taps;
    const area = taps.height * taps.width;
    for (let image = 0; image < this.#input.images; image += 1) {
      for (let o = 0; o < outputs; o += 1) {
        const target = { planes, to: (image * outputs + o) * area };
        for (let c = 0; c < inputs; c += 1) {
          const source = { padded, from: (image * inputs + c) * paddedLength(taps) };
          addCorrelation(target, source, { weights, tap: (o * inputs + c) * 9 }, taps);
        }
      }
    }
  }

  #weightGradients(gradient: Floats, weights: Floats, bias: Floats): void {
    const taps = this.#taps;
    const area = taps.height * taps.width;
    const { images, channels } = this.#input;
    const outputs = this.output.channels;
    weights.fill(0);
    bias.fill(0);
    for (let image = 0; image < images; image += 1) {
      for (let o = 0; o < outputs; o += 1) {
        const target = { planes: gradient, to: (image * outputs + o) * area };
        let sum = 0;
        for (let i = target.to; i < target.to + area; i += 1) sum += gradient[i]!;
        bias[o]! += sum;
        for (let c = 0; c < channels; c += 1) {
          const source = {
            padded: this.#paddedInput,
            from: (image * channels + c) * paddedLength(taps),
          };
          addTapGradients({ weights, tap: (o * channels + c) * 9 }, source, target, taps);
        }
      }
    }
  }
}
