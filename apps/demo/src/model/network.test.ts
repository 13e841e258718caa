import { cpu } from '@softxent/backend-cpu';
import { openSync, sigmoidCrossEntropy, tensor } from '@softxent/core';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import { Adam } from './adam.js';
import { Conv } from './conv.js';
import { lengthOf, type Floats, type Parameter, type Shape } from './layer.js';
import { Network } from './network.js';

// Odd sizes, height unlike width, more than one image: what a swapped index would show in.
const input: Shape = { images: 2, channels: 1, height: 7, width: 10 };

function randomFloats(length: number, random: Random): Float64Array {
  return Float64Array.from({ length }, () => random.normal());
}

/** Central differences of `value` by every element. */
function differences(value: () => number, variables: Floats, step = 1e-5): number[] {
  return Array.from(variables, (kept, i) => {
    variables[i] = kept + step;
    const above = value();
    variables[i] = kept - step;
    const below = value();
    variables[i] = kept;
    return (above - below) / (2 * step);
  });
}

/** The greatest difference; NaN where there is one, or where the lengths differ. */
function worstError(found: Floats, expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.NaN;
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
}

// Of central differences in double precision: step^2 from the third derivative, 1e-16/step from rounding.
const differenceError = 1e-7;

describe('Conv', () => {
  it('correlates with zeros around the image, as the definition says', () => {
    const random = new Random(4);
    const shape = { images: 2, channels: 3, height: 5, width: 6 };
    const conv = new Conv({ input: shape, channels: 2, dilation: 2, floats: Float64Array, random });
    const [weights, bias] = conv.parameters;
    bias.values.set([0.25, -0.5]);
    const images = randomFloats(lengthOf(shape), random);
    const found = conv.forward(images);
    const pixel = (image: number, channel: number, y: number, x: number): number =>
      y < 0 || y >= 5 || x < 0 || x >= 6 ? 0 : images[((image * 3 + channel) * 5 + y) * 6 + x]!;
    const expected: number[] = [];
    for (let image = 0; image < 2; image += 1) {
      for (let o = 0; o < 2; o += 1) {
        for (let y = 0; y < 5; y += 1) {
          for (let x = 0; x < 6; x += 1) {
            let sum = bias.values[o]!;
            for (let c = 0; c < 3; c += 1) {
              for (let tap = 0; tap < 9; tap += 1) {
                const down = 2 * (Math.floor(tap / 3) - 1);
                const right = 2 * ((tap % 3) - 1);
                sum += weights.values[(o * 3 + c) * 9 + tap]! * pixel(image, c, y + down, x + right);
              }
            }
            expected.push(sum);
          }
        }
      }
    }
    expect(worstError(found, expected)).toBeLessThan(1e-13);
  });
});

describe('Network', () => {
  it('has the gradients of finite differences, through the loss, by every parameter and pixel', () => {
    const random = new Random(9);
    const network = new Network({ input, channels: 3, floats: Float64Array, random });
    // Away from the small weights and zero biases of the start, so that every gradient has a size.
    for (const { values } of network.parameters) {
      for (let i = 0; i < values.length; i += 1) values[i] = 0.4 * random.normal();
    }
    const shape = [2, 1, 7, 10];
    const images = randomFloats(lengthOf(input), random);
    const targets = tensor(
      Uint8Array.from({ length: 140 }, () => 51 * random.below(6)),
      shape,
    );
    const session = openSync(cpu());
    const loss = sigmoidCrossEntropy({ floor: 'entropy' });
    const logits = (): Float64Array => network.forward(images) as Float64Array;
    const value = (): number => session.value(loss, { logits: tensor(logits(), shape), targets });

    const { gradients } = session.valueAndGrad(loss, { logits: tensor(logits(), shape), targets });
    const byImages = network.backward(gradients.logits.data as Float64Array);
    expect(worstError(byImages, differences(value, images))).toBeLessThan(differenceError);
    for (const { values, gradient } of network.parameters) {
      expect(gradient.some((number) => Math.abs(number) > 1e-4)).toBe(true);
      expect(worstError(gradient, differences(value, values))).toBeLessThan(differenceError);
    }
    session.dispose();
  });
});

describe('Adam', () => {
  const parameter = (values: number[]): Parameter => ({
    values: Float64Array.from(values),
    gradient: new Float64Array(values.length),
  });

  it("takes a first step of the learning rate against each gradient's sign, whatever its size", () => {
    const moved = parameter([1, 1, 1]);
    moved.gradient.set([1e-3, -50, 0]);
    new Adam([moved]).step(0.1);
    // Short of the full rate by epsilon / |gradient|.
    expect(worstError(moved.values, [0.9, 1.1, 1])).toBeLessThan(1e-5);
  });

  it('finds the minimum of a badly scaled quadratic', () => {
    const found = parameter([3, -2]);
    const adam = new Adam([found]);
    for (let step = 0; step < 2000; step += 1) {
      found.gradient[0] = 2 * (found.values[0]! - 1);
      found.gradient[1] = 2000 * (found.values[1]! - 0.5);
      adam.step(0.05 * (1 - step / 2000));
    }
    expect(worstError(found.values, [1, 0.5])).toBeLessThan(1e-3);
  });
});
