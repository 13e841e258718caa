/** Statistics, inputs and workloads. */
import { describe, expect, it } from 'vitest';
import { OptionError } from '@softxent/core';
import { ulp32 } from './accuracy.js';
import { inputsFor, patternOf } from './inputs.js';
import { noiseOf } from './noise.js';
import { bestMatch } from './ratios.js';
import { quantile, relativeSpread, spreadOf } from './statistics.js';
import { layoutsFor, workloadOf, type WorkloadSpec } from './workload.js';

const softmax = (more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  loss: '{"kind":"softmaxCrossEntropy"}',
  layout: 'channels-last',
  elements: 1000,
  classes: 21,
  ...more,
});

describe('statistics', () => {
  it('quartiles lie between neighbours in proportion', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
    expect(quantile([7], 0.75)).toBe(7);
  });

  it('a spread is that of the sorted samples', () => {
    expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ median: 3, min: 1, q1: 2, q3: 4, samples: 5 });
    expect(relativeSpread(spreadOf([5, 1, 4, 2, 3]))).toBeCloseTo(2 / 3, 12);
  });

  it('one ulp is the distance to the next float32', () => {
    expect(ulp32(1)).toBe(2 ** -23);
    expect(ulp32(-1.99)).toBe(2 ** -23);
    expect(ulp32(0)).toBe(2 ** -149);
    expect(ulp32(2 ** -126)).toBe(2 ** -149);
  });
});

describe('a workload', () => {
  it('has as many elements in both layouts, and the class axis where the layout puts it', () => {
    const last = workloadOf(softmax());
    const first = workloadOf(softmax({ layout: 'nchw' }));
    expect(last.key.shape).toEqual([42, 21]);
    expect(first.key.shape).toEqual([1, 21, 6, 7]);
    expect(last.key.elements).toBe(first.key.elements);
    expect(last.lossFor('mean').options['axis']).toBe(1);
    expect(first.lossFor('none').options).toMatchObject({ axis: 1, reduction: 'none' });
  });

  it('a region is one image', () => {
    const dice = (layout: WorkloadSpec['layout']) => workloadOf(softmax({ loss: '{"kind":"dice"}', layout }));
    expect(dice('nchw').key.shape).toEqual([1, 21, 6, 7]);
    expect(dice('channels-last').key.shape).toEqual([1, 42, 21]);
    expect(dice('channels-last').lossFor('mean').options['axes']).toEqual([1]);
  });

  it('is named with the options that were asked for', () => {
    const loss = '{"kind":"sigmoidCrossEntropy","options":{"posWeight":2,"floor":"entropy"}}';
    const workload = workloadOf(softmax({ loss, layout: 'flat' }));
    expect(workload.key.loss).toBe('sigmoidCrossEntropy(posWeight 2, floor "entropy")');
    expect(workload.key).toMatchObject({ shape: [1000], classes: null });
    expect(layoutsFor(loss)).toEqual(['flat']);
  });

  it('refuses what is no loss, and options that the layout decides', () => {
    expect(() => workloadOf(softmax({ loss: '{"kind":"nothing"}' }))).toThrow(OptionError);
    expect(() => workloadOf(softmax({ loss: '{"kind":"dice","options":{"axes":[1]}}' }))).toThrow(
      /layout decides/,
    );
    expect(() => workloadOf(softmax({ layout: 'flat' }))).toThrow('expected channels-last or nchw');
  });
});

describe('inputs', () => {
  it('depend on the seed alone', () => {
    const workload = workloadOf(softmax());
    expect(inputsFor(workload, 1, 'usual')).toEqual(inputsFor(workload, 1, 'usual'));
    expect(inputsFor(workload, 2, 'usual').predictions).not.toEqual(
      inputsFor(workload, 1, 'usual').predictions,
    );
  });

  it('are the same rows in both layouts', () => {
    const last = inputsFor(workloadOf(softmax()), 3, 'confident');
    const first = inputsFor(workloadOf(softmax({ layout: 'nchw' })), 3, 'confident');
    for (const [row, c] of [
      [0, 0],
      [5, 20],
      [41, 7],
    ] as const) {
      expect(first.predictions[c * 42 + row]).toBe(last.predictions[row * 21 + c]);
      expect(first.targets[c * 42 + row]).toBe(last.targets[row * 21 + c]);
    }
  });

  it('repeat the pattern of a smaller tensor', () => {
    const large = workloadOf(softmax({ elements: 100_000, classes: 2 }));
    const pattern = patternOf(large, 1, 'usual');
    const { predictions } = inputsFor(large, 1, 'usual');
    expect(pattern.rows).toBe(2 ** 14);
    for (let i = 0; i < predictions.length; i += 997) {
      expect(predictions[i]).toBe(pattern.predictions[i % pattern.predictions.length]);
    }
    // 7 by 7 pixels.
    const small = patternOf(workloadOf(softmax({ elements: 100, classes: 2 })), 1, 'usual');
    expect(small.predictions).toEqual(pattern.predictions.subarray(0, 98));
  });

  it('targets of classes are distributions, those of elements lie in [0, 1]', () => {
    for (const kind of ['usual', 'confident'] as const) {
      const { targets } = inputsFor(workloadOf(softmax()), 1, kind);
      for (let row = 0; row < 42; row++) {
        const sum = targets.subarray(21 * row, 21 * row + 21).reduce((total, t) => total + t, 0);
        expect(sum).toBeCloseTo(1, 5);
      }
      const flat = workloadOf(softmax({ loss: '{"kind":"sigmoidCrossEntropy"}', layout: 'flat' }));
      const elements = inputsFor(flat, 1, kind).targets;
      expect(Math.min(...elements)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...elements)).toBeLessThanOrEqual(1);
    }
  });

  it('probabilities are neither 0 nor 1', () => {
    const loss = '{"kind":"binaryCrossEntropy"}';
    const { predictions } = inputsFor(workloadOf(softmax({ loss, layout: 'flat' })), 1, 'confident');
    expect(Math.min(...predictions)).toBeGreaterThan(0);
    expect(Math.max(...predictions)).toBeLessThan(1);
  });
});

describe('ratios and noise', () => {
  it('a row is held against who has as many threads, else the most below, else the fewest', () => {
    const threads = [1, 2, 8].map((each) => ({ threads: each }));
    expect(bestMatch(threads, 2)).toEqual({ threads: 2 });
    expect(bestMatch(threads, 4)).toEqual({ threads: 2 });
    expect(bestMatch(threads, null)).toEqual({ threads: 8 });
    expect(bestMatch([{ threads: 8 }], 1)).toEqual({ threads: 8 });
    expect(bestMatch([], 1)).toBeUndefined();
  });

  it('a machine that is busy, or whose samples lie apart, is called noisy', () => {
    const limit = (q3: number) => ({
      ...workloadOf(softmax()).key,
      kernel: 'triad' as const,
      device: 'cpu' as const,
      threads: 1,
      nsPerElement: { median: 1, min: 1, q1: 1, q3, samples: 3 },
      gigabytesPerSecond: 1,
    });
    expect(noiseOf([], [limit(1.02)], 0.1).warning).toBeNull();
    expect(noiseOf([], [limit(1.5)], 0.1).warning).toContain('50 %');
    expect(noiseOf([], [limit(1.02)], 1.4).warning).toContain('1.40 processes a core');
  });
});
