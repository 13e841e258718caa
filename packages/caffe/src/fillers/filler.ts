import { SoftxentError } from '@softxent/core';
import type { FillerParameter } from '../schema/messages.js';
import type { Random } from './random.js';

/** A filler that does not exist, or that cannot fill a blob of this shape. */
export class FillerError extends SoftxentError {
  /** The filler's `type`. */
  readonly filler: string;

  constructor(filler: string, message: string) {
    super('FILLER', `filler "${filler}": ${message}`);
    this.filler = filler;
  }
}

/** The fields of caffe.FillerParameter that fillers read; a message of the schema fits. */
export type FillerOptions = Pick<
  FillerParameter,
  'type' | 'value' | 'min' | 'max' | 'mean' | 'std' | 'sparse' | 'variance_norm'
>;

type Fill = (values: Float32Array, shape: readonly number[], options: FillerOptions, random: Random) => void;

const fillers: ReadonlyMap<string, Fill> = new Map<string, Fill>([
  ['constant', fillConstant],
  ['uniform', fillUniform],
  ['gaussian', fillGaussian],
  ['positive_unitball', fillPositiveUnitball],
  ['xavier', fillXavier],
  ['msra', fillMsra],
  ['bilinear', fillBilinear],
]);

/** The filler types that {@link fill} knows. */
export const fillerTypes: readonly string[] = [...fillers.keys()];

/**
 * New values for a blob of the given shape, as Caffe's fillers make them.
 *
 * | type | values |
 * | --- | --- |
 * | `constant` | `value` |
 * | `uniform` | evenly in [`min`, `max`) |
 * | `gaussian` | normal with `mean`, `std`; with `sparse` k >= 0 each value is kept with probability k / shape[0], else 0 |
 * | `positive_unitball` | evenly in [0, 1), then each of the shape[0] rows divided by its sum |
 * | `xavier` | evenly in [-s, s), s = sqrt(3 / n) (Glorot and Bengio 2010) |
 * | `msra` | normal with standard deviation sqrt(2 / n) (He et al. 2015) |
 * | `bilinear` | the kernel of bilinear interpolation: (1 - abs(x/f - c))(1 - abs(y/f - c)), f = ceil(k/2), c = (k - 1)/(2f) |
 *
 * n is the fan-in count / shape[0], the fan-out count / shape[1] (count for a blob of one axis) or their mean,
 * as `variance_norm` says.
 *
 * @throws FillerError for an unknown type, a shape that the filler cannot fill, or parameters out of range.
 */
export function fill(options: FillerOptions, shape: readonly number[], random: Random): Float32Array {
  const make = fillers.get(options.type);
  if (!make) {
    throw new FillerError(options.type, `unknown type; the types are ${fillerTypes.join(', ')}`);
  }
  if (options.sparse !== -1 && options.type !== 'gaussian') {
    throw new FillerError(options.type, `found sparse: ${options.sparse}, but only gaussian can be sparse`);
  }
  const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  if (values.length > 0) make(values, shape, options, random);
  return values;
}

function fillConstant(values: Float32Array, _shape: readonly number[], { value }: FillerOptions): void {
  values.fill(value);
}

function uniformly(values: Float32Array, min: number, max: number, random: Random): void {
  const range = max - min;
  const low = Math.fround(min);
  const high = Math.fround(max);
  for (let i = 0; i < values.length;) {
    const value = Math.fround(min + range * random.uniform());
    // Rounding to float32 may reach the excluded end: then draw again.
    if (value < high || value === low) values[i++] = value;
  }
}

function fillUniform(
  values: Float32Array,
  _shape: readonly number[],
  options: FillerOptions,
  random: Random,
): void {
  const { min, max } = options;
  if (!(min <= max))
    throw new FillerError('uniform', `found min: ${min} and max: ${max}, expected min <= max`);
  uniformly(values, min, max, random);
}

function normally(values: Float32Array, mean: number, std: number, random: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = mean + std * random.normal();
}

function fillGaussian(
  values: Float32Array,
  shape: readonly number[],
  options: FillerOptions,
  random: Random,
): void {
  const { mean, std, sparse } = options;
  if (!(std > 0)) throw new FillerError('gaussian', `found std: ${std}, expected std > 0`);
  const outputs = shape[0];
  if (sparse >= 0 && (outputs === undefined || sparse > outputs)) {
    throw new FillerError(
      'gaussian',
      `found sparse: ${sparse} for a blob of shape [${shape.join(', ')}], expected at most its first dimension`,
    );
  }
  normally(values, mean, std, random);
  if (sparse < 0) return;
  const kept = sparse / outputs!;
  for (let i = 0; i < values.length; i++) if (!random.bernoulli(kept)) values[i] = 0;
}

function fillPositiveUnitball(
  values: Float32Array,
  shape: readonly number[],
  _options: FillerOptions,
  random: Random,
): void {
  uniformly(values, 0, 1, random);
  const row = values.length / firstDimension('positive_unitball', shape);
  for (let start = 0; start < values.length; start += row) {
    const part = values.subarray(start, start + row);
    let sum = 0;
    for (const value of part) sum += value;
    for (let i = 0; i < row; i++) part[i] = part[i]! / sum;
  }
}

function firstDimension(filler: string, shape: readonly number[]): number {
  const first = shape[0];
  if (first === undefined) throw new FillerError(filler, 'cannot fill a blob without axes');
  return first;
}

function fanOf(
  filler: string,
  shape: readonly number[],
  count: number,
  norm: FillerOptions['variance_norm'],
): number {
  const fanIn = count / firstDimension(filler, shape);
  const fanOut = shape[1] === undefined ? count : count / shape[1];
  switch (norm) {
    case 'FAN_IN':
      return fanIn;
    case 'FAN_OUT':
      return fanOut;
    case 'AVERAGE':
      return (fanIn + fanOut) / 2;
  }
}

function fillXavier(
  values: Float32Array,
  shape: readonly number[],
  options: FillerOptions,
  random: Random,
): void {
  const bound = Math.sqrt(3 / fanOf('xavier', shape, values.length, options.variance_norm));
  uniformly(values, -bound, bound, random);
}

function fillMsra(
  values: Float32Array,
  shape: readonly number[],
  options: FillerOptions,
  random: Random,
): void {
  normally(values, 0, Math.sqrt(2 / fanOf('msra', shape, values.length, options.variance_norm)), random);
}

function fillBilinear(values: Float32Array, shape: readonly number[]): void {
  const [, , height, width] = shape;
  if (shape.length !== 4 || height !== width) {
    throw new FillerError(
      'bilinear',
      `found a blob of shape [${shape.join(', ')}], expected four axes with a square kernel in the last two`,
    );
  }
  const size = width!;
  const half = Math.ceil(size / 2);
  const centre = Math.fround((size - 1) / (2 * half));
  // Step by step in float32, as Caffe computes it: the values then agree to the bit.
  const profile = Float32Array.from({ length: size }, (_, x) =>
    Math.fround(1 - Math.abs(Math.fround(Math.fround(x / half) - centre))),
  );
  for (let i = 0; i < values.length; i++) {
    values[i] = profile[i % size]! * profile[Math.floor(i / size) % size]!;
  }
}
