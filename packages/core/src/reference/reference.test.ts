import { describe, expect, it } from 'vitest';
import { numberToFloat16 } from '../float16.js';
import { categoricalCrossEntropy, binaryCrossEntropy } from '../losses/probabilities.js';
import { dice, diceSemimetric, jaccardMetric, tversky } from '../losses/region.js';
import { qualityFocal, sigmoidCrossEntropy } from '../losses/sigmoid.js';
import { softmaxCrossEntropy } from '../losses/softmax.js';
import { reductions, type Loss } from '../losses/loss.js';
import { float16, tensor, type Tensor } from '../tensor.js';
import { referenceLoss } from './index.js';

/** A number in [0, 1) that depends on its index alone. */
function unit(i: number): number {
  const v = Math.sin(i * 12.9898 + 4.1414) * 43758.5453;
  return v - Math.floor(v);
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const filled = (shape: readonly number[], at: (i: number) => number): Tensor =>
  tensor(
    Float64Array.from({ length: size(shape) }, (_, i) => at(i)),
    shape,
  );
const bytes = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Uint8Array.from(values), shape);
const doubles = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Float64Array.from(values), shape);
const labels = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  tensor(Int32Array.from(values), shape);

const shape = [2, 3, 4] as const;
const logits = filled(shape, (i) => 6 * unit(i) - 3);
const probabilities = filled(shape, (i) => 0.05 + 0.9 * unit(i));
const targets = filled(shape, (i) => 0.02 + 0.9 * unit(i + 100));
const elementMask = bytes([1, 0, 1, 1], [4]);
const rowWeights = doubles([0.5, 2, 0, 1.5], [4]);

type Operands = Record<string, Tensor>;

describe('gradients are the derivatives of the value', () => {
  const cases: [string, (r: { reduction: 'mean-weight' }) => Loss, Operands][] = [
    [
      'sigmoidCrossEntropy',
      (o) => sigmoidCrossEntropy({ ...o, posWeight: 2, labelSmoothing: 0.1 }),
      { logits },
    ],
    ['sigmoid floor', (o) => sigmoidCrossEntropy({ ...o, posWeight: 2, floor: 'entropy' }), { logits }],
    ['qualityFocal', (o) => qualityFocal({ ...o, beta: 2.5 }), { logits }],
    ['softmax', (o) => softmaxCrossEntropy({ ...o, classWeights: [1, 0.5, 2], temperature: 2 }), { logits }],
    [
      'softmax floor',
      (o) => softmaxCrossEntropy({ ...o, labelSmoothing: 0.2, floor: 'entropy' }),
      { logits },
    ],
    ['softmax, last axis', (o) => softmaxCrossEntropy({ ...o, axis: -1 }), { logits }],
    ['binaryCrossEntropy', (o) => binaryCrossEntropy({ ...o, epsilon: 0.01 }), { probabilities }],
    ['categoricalCrossEntropy', (o) => categoricalCrossEntropy(o), { probabilities }],
    ['diceSemimetric', (o) => diceSemimetric(o), { logits }],
    ['jaccardMetric', (o) => jaccardMetric({ ...o, from: 'probabilities', smooth: 1 }), { probabilities }],
    ['dice', (o) => dice({ ...o, axes: [1, 2] }), { logits }],
    ['tversky', (o) => tversky({ ...o, alpha: 0.3, beta: 0.7, axes: [0] }), { logits }],
  ];

  it.each(cases)('%s', (_name, make, prediction) => {
    const loss = make({ reduction: 'mean-weight' });
    const plain: Operands = { ...prediction, targets };
    const { rowShape } = referenceLoss(loss, plain);
    const weights = filled(rowShape, (i) => (i === 1 ? 0 : 0.5 + unit(i + 7)));
    const isClass = 'labelSmoothing' in loss.options || loss.kind.startsWith('categorical');
    const maskShape = isClass && loss.kind !== 'sigmoidCrossEntropy' ? rowShape : shape;
    const mask = tensor(
      Uint8Array.from({ length: size(maskShape) }, (_, i) => (i % 5 === 3 ? 0 : 1)),
      maskShape,
    );
    const operands: Operands = { ...plain, weights, mask };
    const upstream = -1.75;
    const { gradients } = referenceLoss(loss, operands, { upstream });
    expect(Object.keys(gradients).toSorted()).toEqual([...Object.keys(prediction), 'targets'].toSorted());
    for (const [name, gradient] of Object.entries(gradients)) {
      const step = 1e-6;
      const at = (index: number, by: number): number => {
        const data = Float64Array.from(operands[name]!.data);
        data[index]! += by;
        return referenceLoss(loss, { ...operands, [name]: tensor(data, shape) }).value as number;
      };
      for (let index = 0; index < gradient.length; index++) {
        const difference = (at(index, step) - at(index, -step)) / (2 * step);
        // Truncation of the central difference is about step^2, its rounding 1e-16 / step.
        expect(gradient[index]! / upstream).toBeCloseTo(difference, 8);
      }
    }
  });
});

describe('reductions', () => {
  const loss = { rows: [1, 2, 3, 4, 5, 6].map((x) => Math.log1p(Math.exp(-x)) + x) };
  const operands: Operands = {
    logits: doubles([1, 2, 3, 4, 5, 6], [2, 3]),
    targets: doubles([0, 0, 0, 0, 0, 0], [2, 3]),
    mask: bytes([1, 1, 0], [3]),
    weights: doubles([2, 0.5], [2, 1]),
  };
  const total = 2 * (loss.rows[0]! + loss.rows[1]!) + 0.5 * (loss.rows[3]! + loss.rows[4]!);

  it.each([
    ['sum', 1],
    ['mean', 6],
    ['mean-valid', 4],
    ['mean-batch', 2],
    ['mean-weight', 5],
  ] as const)('%s divides the sum of the weighted rows', (reduction, divisor) => {
    const result = referenceLoss(sigmoidCrossEntropy({ reduction }), operands, { upstream: 3 });
    expect(result.value).toBeCloseTo(total / divisor, 14);
    expect(result.counts).toMatchObject({ valid: 4, weight: 5, divisor });
    const sigma = 1 / (1 + Math.exp(-1));
    expect(result.gradients['logits']![0]).toBeCloseTo((3 * 2 * sigma) / divisor, 14);
    expect(result.gradients['logits']![2]).toBe(0);
  });

  it('none gives the rows, and takes an upstream for each', () => {
    const result = referenceLoss(sigmoidCrossEntropy({ reduction: 'none' }), operands, {
      upstream: [1, 2, 3, 4, 5, 6],
    });
    expect(result.value).toBe(result.rows);
    expect([...result.rows]).toEqual([2, 2, 0, 0.5, 0.5, 0].map((w, i) => (w === 0 ? 0 : w * loss.rows[i]!)));
    expect(result.gradients['logits']![4]).toBeCloseTo((5 * 0.5) / (1 + Math.exp(-5)), 14);
  });

  it.each(reductions.filter((r) => r !== 'none'))('%s of nothing is 0 with gradient 0', (reduction) => {
    const nothing: Operands = {
      ...operands,
      mask: bytes([0, 0, 0], [3]),
      logits: doubles(Array(6).fill(NaN), [2, 3]),
    };
    const masked = referenceLoss(sigmoidCrossEntropy({ reduction }), nothing);
    expect(masked.value).toBe(0);
    expect([...masked.gradients['logits']!]).toEqual([0, 0, 0, 0, 0, 0]);
    const empty = { logits: doubles([], [0, 3]), targets: doubles([], [0, 3]) };
    expect(referenceLoss(sigmoidCrossEntropy({ reduction }), empty).value).toBe(0);
  });

  it('mean-weight counts rows where there are no weights', () => {
    const { weights: _, ...rest } = operands;
    expect(referenceLoss(sigmoidCrossEntropy({ reduction: 'mean-weight' }), rest).counts.divisor).toBe(4);
  });
});

describe('weights, masks and ignored targets', () => {
  const sum = { reduction: 'sum' } as const;

  it('a masked element is 0 whatever it holds, and changes nothing else', () => {
    const clean = referenceLoss(sigmoidCrossEntropy(sum), { logits, targets, mask: elementMask });
    const data = (from: Tensor): Tensor =>
      tensor(
        Float64Array.from(from.data, (v, i) => (i % 4 === 1 ? NaN : v)),
        shape,
      );
    const spoiled = { logits: data(logits), targets: data(targets), mask: elementMask };
    const result = referenceLoss(sigmoidCrossEntropy(sum), spoiled);
    expect(result.value).toBe(clean.value);
    expect(result.gradients).toEqual(clean.gradients);
    expect(result.counts).toEqual(clean.counts);
    expect(result.counts).toMatchObject({ valid: 18, invalid: 0 });
  });

  it('a weight of 0 makes 0 of NaN, and its row still counts as valid', () => {
    const operands = {
      logits: doubles([NaN, Infinity, 1]),
      targets: doubles([0, 0, 0]),
      weights: doubles([0, 0, 1]),
    };
    const result = referenceLoss(sigmoidCrossEntropy({ reduction: 'mean-valid' }), operands);
    expect(result.value).toBeCloseTo(Math.log1p(Math.E) / 3, 15);
    expect(Array.from(result.gradients['logits']!).slice(0, 2)).toEqual([0, 0]);
    expect(result.counts.valid).toBe(3);
  });

  it.each([
    ['float32 holds the rounded value', tensor(Float32Array.of(0.1, 0.5)), 0.1],
    [
      'float16 holds the rounded value',
      float16(Uint16Array.of(numberToFloat16(0.1), numberToFloat16(0.5))),
      0.1,
    ],
    ['uint8 compares the stored byte', bytes([255, 127]), 255],
    ['NaN matches NaN', doubles([NaN, 0.5]), NaN],
    ['a value outside [0, 1]', doubles([-1, 0.5]), -1],
  ])('ignoreValue: %s', (_, stored, ignoreValue) => {
    const result = referenceLoss(sigmoidCrossEntropy({ ...sum, ignoreValue }), {
      logits: doubles([3, 4]),
      targets: stored,
    });
    expect(result.counts).toMatchObject({ valid: 1, invalid: 0 });
    expect(result.rows[0]).toBe(0);
    expect(result.rows[1]).toBeGreaterThan(0);
    expect(result.gradients['logits']![0]).toBe(0);
  });

  it('ignoreValue truncates nothing: 0.9 is not 0 and 127 of 255 is not 0', () => {
    const loss = sigmoidCrossEntropy({ ...sum, ignoreValue: 0 });
    expect(referenceLoss(loss, { logits: doubles([1, 1]), targets: doubles([0.9, 0]) }).counts.valid).toBe(1);
    expect(referenceLoss(loss, { logits: doubles([1, 1]), targets: bytes([127, 0]) }).counts.valid).toBe(1);
  });

  it('a row of soft class targets is ignored where all of it equals the value', () => {
    const loss = softmaxCrossEntropy({ ...sum, ignoreValue: -1, axis: 1 });
    const operands = { logits: doubles([1, 2, 3, 4], [2, 2]), targets: doubles([-1, -1, -1, 1], [2, 2]) };
    expect(referenceLoss(loss, operands).counts).toMatchObject({ valid: 1, invalid: 2 });
  });

  it('a label equal to the value is ignored, another one out of range is NaN', () => {
    const loss = softmaxCrossEntropy({ reduction: 'none', ignoreValue: 255 });
    const result = referenceLoss(loss, {
      logits: doubles([1, 2, 3, 4, 5, 6], [3, 2]),
      targets: labels([255, 2, 1]),
    });
    expect(result.rows[0]).toBe(0);
    expect(result.rows[1]).toBeNaN();
    expect([...result.gradients['logits']!].map(Number.isNaN)).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(result.counts).toMatchObject({
      valid: 2,
      invalid: 1,
      firstInvalid: { problem: 'label', index: [1] },
    });
  });

  it('a region that is masked whole does not count', () => {
    const mask = bytes([0, 0, 0, 1, 1, 0], [1, 2, 3]);
    const operands = { logits: filled([1, 2, 3], unit), targets: filled([1, 2, 3], () => 0.5), mask };
    const result = referenceLoss(diceSemimetric({ reduction: 'mean-valid' }), operands);
    expect(result.counts.valid).toBe(1);
    expect([...result.gradients['logits']!].map((g) => g === 0)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('operands broadcast and lie as they are', () => {
  it('weights and masks of the rows may keep the class axis with length 1', () => {
    const loss = softmaxCrossEntropy({ reduction: 'none' });
    const of = (rows: readonly number[]): Operands => ({
      logits,
      targets,
      weights: filled(rows, unit),
      mask: tensor(
        Uint8Array.from({ length: 8 }, (_, i) => i % 3),
        rows,
      ),
    });
    expect(referenceLoss(loss, of([2, 1, 4]))).toEqual(referenceLoss(loss, of([2, 4])));
  });

  it('any class axis gives what a transposed tensor gives', () => {
    const moved = (from: Tensor): Tensor =>
      filled([2, 4, 3], (i) =>
        Number(from.data[Math.floor(i / 12) * 12 + (i % 3) * 4 + (Math.floor(i / 3) % 4)]),
      );
    const first = referenceLoss(softmaxCrossEntropy(), { logits, targets });
    const last = referenceLoss(softmaxCrossEntropy({ axis: -1 }), {
      logits: moved(logits),
      targets: moved(targets),
    });
    expect(last.rows).toEqual(first.rows);
  });

  it('weights broadcast by numpy’s rule', () => {
    const full = filled(shape, (i) => [0.5, 2, 0, 1.5][i % 4]!);
    const loss = sigmoidCrossEntropy();
    expect(referenceLoss(loss, { logits, targets, weights: rowWeights })).toEqual(
      referenceLoss(loss, { logits, targets, weights: full }),
    );
  });

  it('labels are one-hot rows', () => {
    const oneHot = doubles([0, 1, 0, 1, 0, 0], [2, 3]);
    const x = doubles([1, -2, 0.5, 40, 0, 3], [2, 3]);
    for (const loss of [
      softmaxCrossEntropy({ labelSmoothing: 0.1 }),
      softmaxCrossEntropy({ floor: 'entropy' }),
    ]) {
      const hard = referenceLoss(loss, { logits: x, targets: labels([1, 0]) });
      const soft = referenceLoss(loss, { logits: x, targets: oneHot });
      expect(hard.rows).toEqual(soft.rows);
      expect(hard.gradients['logits']).toEqual(soft.gradients['logits']);
      expect(Object.keys(hard.gradients)).toEqual(['logits']);
    }
  });
});

describe('values at the edges', () => {
  const none = { reduction: 'none' } as const;
  const binary = (x: number, t: number): { value: number; gradient: number } => {
    const result = referenceLoss(sigmoidCrossEntropy(none), { logits: doubles([x]), targets: doubles([t]) });
    return { value: result.rows[0]!, gradient: result.gradients['logits']![0]! };
  };

  it('NaN in, NaN out', () => {
    expect(binary(NaN, 0)).toEqual({ value: NaN, gradient: NaN });
    expect(binary(1, NaN)).toEqual({ value: NaN, gradient: NaN });
    const row = { logits: doubles([1, NaN], [1, 2]), targets: doubles([1, 0], [1, 2]) };
    const result = referenceLoss(softmaxCrossEntropy(none), row);
    expect([...result.rows, ...result.gradients['logits']!]).toEqual([NaN, NaN, NaN]);
  });

  it('infinite logits take the limit', () => {
    expect(binary(Infinity, 1)).toEqual({ value: 0, gradient: 0 });
    expect(binary(-Infinity, 0)).toEqual({ value: 0, gradient: 0 });
    expect(binary(Infinity, 0.5)).toEqual({ value: Infinity, gradient: 0.5 });
    expect(binary(-Infinity, 0.25)).toEqual({ value: Infinity, gradient: -0.25 });
  });

  it('classes tied at an infinite maximum share the probability', () => {
    const row = { logits: doubles([-Infinity, -Infinity], [1, 2]), targets: doubles([0.5, 0.5], [1, 2]) };
    const result = referenceLoss(softmaxCrossEntropy(none), row);
    expect(result.rows[0]).toBeCloseTo(Math.LN2, 15);
    expect([...result.gradients['logits']!]).toEqual([0, 0]);
  });

  it('a confident softmax keeps the digits of its loss and gradients', () => {
    const row = { logits: doubles([60, 0, 0], [1, 3]), targets: labels([0]) };
    const result = referenceLoss(softmaxCrossEntropy(none), row);
    expect(result.rows[0]! / (2 * Math.exp(-60))).toBeCloseTo(1, 14);
    expect(result.gradients['logits']![0]! / (-2 * Math.exp(-60))).toBeCloseTo(1, 14);
  });

  it('the floor makes a perfect prediction 0', () => {
    const t = 0.3;
    const operands = { logits: doubles([Math.log(t / (1 - t))]), targets: doubles([t]) };
    const { value } = referenceLoss(sigmoidCrossEntropy({ floor: 'entropy' }), operands);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(value).toBeLessThan(1e-31);
  });

  it('the floor is the least value any prediction reaches', () => {
    for (const posWeight of [1, 3]) {
      const make = (floor: 'none' | 'entropy') => sigmoidCrossEntropy({ ...none, posWeight, floor });
      const plain = referenceLoss(make('none'), { logits, targets }).rows;
      const floored = referenceLoss(make('entropy'), { logits, targets }).rows;
      const yes = Array.from(targets.data, (t) => posWeight * t);
      const best = { logits: filled(shape, (i) => Math.log(yes[i]! / (1 - targets.data[i]!))), targets };
      const least = referenceLoss(make('none'), best).rows;
      for (const [i, value] of floored.entries()) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeCloseTo(plain[i]! - least[i]!, 13);
      }
    }
  });

  it('softmax does not change when a row is shifted, and its gradient sums to 0', () => {
    const shifted = filled(shape, (i) => Number(logits.data[i]) + 8);
    const a = referenceLoss(softmaxCrossEntropy(none), { logits, targets });
    const b = referenceLoss(softmaxCrossEntropy(none), { logits: shifted, targets });
    for (const [i, value] of a.rows.entries()) expect(b.rows[i]).toBeCloseTo(value, 13);
    const g = a.gradients['logits']!;
    for (let i = 0; i < 4; i++) expect(g[i]! + g[i + 4]! + g[i + 8]!).toBeCloseTo(0, 14);
  });

  it('an empty prediction of an empty region is 0 with gradient 0', () => {
    const operands = { logits: doubles([-Infinity, -Infinity]), targets: doubles([0, 0]) };
    for (const make of [diceSemimetric, jaccardMetric, dice, tversky]) {
      const result = referenceLoss(make(), operands);
      expect([result.value, ...result.gradients['logits']!]).toEqual([0, 0, 0]);
    }
  });
});

describe('invalid targets are counted', () => {
  it('values that are NaN or outside [0, 1], masked ones not', () => {
    const operands = {
      logits: doubles([0, 0, 0, 0]),
      targets: doubles([1.5, NaN, -0.1, 1]),
      mask: bytes([0, 1, 1, 1]),
    };
    expect(referenceLoss(sigmoidCrossEntropy(), operands).counts).toMatchObject({
      invalidValues: 2,
      invalid: 2,
      firstInvalid: { problem: 'value', index: [1] },
    });
  });

  it('rows that do not sum to 1 within what the dtype can hold', () => {
    const x = doubles([0, 0, 0, 0, 0, 0], [2, 3]);
    const wide = referenceLoss(softmaxCrossEntropy(), {
      logits: x,
      targets: doubles([0.2, 0.3, 0.5, 0.2, 0.3, 0.6], [2, 3]),
    });
    expect(wide.counts).toMatchObject({
      invalidRows: 1,
      invalid: 1,
      firstInvalid: { problem: 'sum', index: [1] },
    });
    const image = referenceLoss(softmaxCrossEntropy(), {
      logits: x,
      targets: bytes([85, 85, 84, 85, 85, 83], [2, 3]),
    });
    expect(image.counts.invalidRows).toBe(1);
  });

  it('a loss that is not of this package needs its formula', () => {
    const foreign = { ...sigmoidCrossEntropy(), kind: 'acme/other' } as Loss;
    expect(() => referenceLoss(foreign, { logits, targets })).toThrow(/acme\/other/);
  });
});
