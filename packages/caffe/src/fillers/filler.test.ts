// Numbers computed by BVLC Caffe 1.0 (CPU, OpenBLAS).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { create } from '../schema/message.js';
import type { FillerParameterVarianceNorm } from '../schema/messages.js';
import { fill, FillerError } from './filler.js';
import { Random } from './random.js';

const folder = new URL('../../fixtures/fillers/', import.meta.url);

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

interface Statistics {
  readonly filler: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  readonly zeros: number;
  readonly sumPerOutput: number;
}

const fixed = JSON.parse(readFileSync(new URL('fixed.json', folder), 'utf8')) as {
  bilinear: Tensor[];
  constant: Tensor[];
};
const bytes = readFileSync(new URL('fixed.f32', folder));
const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const random = JSON.parse(readFileSync(new URL('random.json', folder), 'utf8')) as { fillers: Statistics[] };

function expected({ shape, offset }: Tensor): Float32Array {
  return floats.subarray(offset, offset + shape.reduce((a, b) => a * b, 1));
}

/** The few fields that the fixtures set, out of `type: "gaussian" std: 1 sparse: 10`. */
function filler(text: string) {
  const field = (name: string): string | undefined => new RegExp(`\\b${name}: "?([\\w.-]+)`).exec(text)?.[1];
  const numbers = ['value', 'min', 'max', 'mean', 'std', 'sparse'] as const;
  const set = numbers.filter((name) => field(name) !== undefined).map((name) => [name, Number(field(name))]);
  const norm = field('variance_norm') as FillerParameterVarianceNorm | undefined;
  return create('FillerParameter', {
    type: field('type') ?? 'constant',
    ...Object.fromEntries(set),
    ...(norm && { variance_norm: norm }),
  });
}

describe('fillers without chance equal Caffe to the bit', () => {
  test.each(fixed.bilinear)('bilinear, $name', (tensor) => {
    expect(fill(filler('type: "bilinear"'), tensor.shape, new Random(0))).toEqual(expected(tensor));
  });

  test.each(fixed.constant)('constant, $name', (tensor) => {
    expect(fill(filler(tensor.name.replace(' ', ': ')), tensor.shape, new Random(0))).toEqual(
      expected(tensor),
    );
  });
});

describe('random fillers draw from the distribution that Caffe draws from', () => {
  test.each(random.fillers)('$filler', (caffe) => {
    const values = fill(filler(caffe.filler), caffe.shape, new Random(1701));
    let sum = 0;
    let squares = 0;
    let zeros = 0;
    for (const value of values) {
      sum += value;
      squares += value * value;
      if (value === 0) zeros++;
    }
    const mean = sum / values.length;
    const std = Math.sqrt(squares / values.length - mean * mean);
    // Two samples of this size: their means differ by a standard deviation of std * sqrt(2 / n).
    expect(Math.abs(mean - caffe.mean)).toBeLessThan(5 * caffe.std * Math.sqrt(2 / values.length));
    // Relative standard error of a standard deviation: below 0.3 % for all of these; Caffe's sample has one too.
    expect(Math.abs(std / caffe.std - 1)).toBeLessThan(0.015);
    expect(Math.abs(zeros - caffe.zeros)).toBeLessThanOrEqual(5 * Math.sqrt(2 * values.length * 0.25 * 0.75));
    expect(zeros === 0).toBe(caffe.zeros === 0);
  });

  test.each(random.fillers.filter(({ filler: text }) => /uniform|xavier|unitball/.test(text)))(
    '$filler is bounded as in Caffe',
    (caffe) => {
      const values = fill(filler(caffe.filler), caffe.shape, new Random(1701)).toSorted();
      // The extremes of both samples lie close to the ends of the same interval.
      const range = caffe.max - caffe.min;
      expect(Math.abs(values[0]! - caffe.min)).toBeLessThan(range * 0.02);
      expect(Math.abs(values.at(-1)! - caffe.max)).toBeLessThan(range * 0.02);
    },
  );

  test('every row of positive_unitball sums to 1', () => {
    const values = fill(filler('type: "positive_unitball"'), [40, 50, 10, 10], new Random(1701));
    const row = values.length / 40;
    for (let start = 0; start < values.length; start += row) {
      expect(values.subarray(start, start + row).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    }
  });

  test('the same seed fills the same values', () => {
    const once = fill(filler('type: "msra"'), [8, 4, 3, 3], new Random(5));
    expect(fill(filler('type: "msra"'), [8, 4, 3, 3], new Random(5))).toEqual(once);
    expect(fill(filler('type: "msra"'), [8, 4, 3, 3], new Random(6))).not.toEqual(once);
  });

  test('uniform with min equal to max is that value', () => {
    expect(fill(filler('type: "uniform" min: 2 max: 2'), [3], new Random(0))).toEqual(
      Float32Array.of(2, 2, 2),
    );
  });

  test('fan-out of a blob of one axis is its count', () => {
    const values = fill(filler('type: "xavier" variance_norm: FAN_OUT'), [300_000], new Random(0));
    const bound = Math.sqrt(3 / 300_000);
    expect(values.every((value) => Math.abs(value) <= bound)).toBe(true);
    expect(values.some((value) => Math.abs(value) > bound * 0.99)).toBe(true);
  });
});

describe('what Caffe refuses is refused', () => {
  test.each([
    ['type: "he"', [2, 3], /unknown type; the types are constant, uniform/],
    ['type: "xavier" sparse: 3', [2, 3], /only gaussian can be sparse/],
    ['type: "uniform" min: 2 max: 1', [2, 3], /min: 2 and max: 1/],
    ['type: "gaussian" std: 0', [2, 3], /std: 0, expected std > 0/],
    ['type: "gaussian" sparse: 4', [2, 3], /sparse: 4 for a blob of shape \[2, 3\]/],
    ['type: "bilinear"', [2, 3], /four axes/],
    ['type: "bilinear"', [2, 1, 3, 4], /square kernel/],
    ['type: "msra"', [], /without axes/],
  ])('%s for %j', (text, shape, message) => {
    const attempt = (): Float32Array => fill(filler(text), shape, new Random(0));
    expect(attempt).toThrow(FillerError);
    expect(attempt).toThrow(message);
  });
});
