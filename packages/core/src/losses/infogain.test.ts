import { describe, expect, it } from 'vitest';
import { float16, infogainTargets, numberToFloat16, OptionError, ShapeError, tensor } from '../index.js';

const h = tensor(Float64Array.of(1, 0, 0.5, 0, 2, 0, 0.25, 0, 1), [3, 3]);

describe('infogainTargets', () => {
  it('gives each label its row of the matrix, the class axis put in place', () => {
    const labels = tensor(Int32Array.of(0, 2, 1, 0), [2, 2]);
    expect(infogainTargets(labels, h)).toEqual({
      dtype: 'float64',
      shape: [2, 3, 2],
      data: Float64Array.of(1, 0.25, 0, 0, 0.5, 1, 0, 1, 2, 0, 0, 0.5),
    });
  });

  it('mixes the rows for soft targets, in every form of storage', () => {
    const expected = Float64Array.of(0.5 + 0.125, 0, 0.25 + 0.5);
    const half = numberToFloat16(0.5);
    const forms = [
      tensor(Float32Array.of(0.5, 0, 0.5), [1, 3]),
      tensor(Float64Array.of(0.5, 0, 0.5), [1, 3]),
      float16(Uint16Array.of(half, 0, half), [1, 3]),
    ];
    for (const form of forms) expect(infogainTargets(form, h).data).toEqual(expected);
    expect(infogainTargets(tensor(Uint8Array.of(0, 255, 0), [1, 3]), h).data).toEqual(
      Float64Array.of(0, 2, 0),
    );
  });

  it('refuses labels and shapes that do not fit the matrix', () => {
    expect(() => infogainTargets(tensor(Int32Array.of(3)), h)).toThrow(OptionError);
    expect(() => infogainTargets(tensor(new Float32Array(4), [2, 2]), h)).toThrow(ShapeError);
    expect(() => infogainTargets(tensor(Int32Array.of(0)), tensor(new Float64Array(6), [2, 3]))).toThrow(
      /square/,
    );
  });
});
