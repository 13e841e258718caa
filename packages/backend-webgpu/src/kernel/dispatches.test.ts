import {
  dice,
  f32,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  u8,
  type Loss,
  type TensorSpec,
} from '@softxent/core';
import { makePlan } from '@softxent/core/plan';
import { describe, expect, it } from 'vitest';
import { Bindings } from './bindings.js';
import { planDispatches, windowOf, type Dispatches, type Tuning } from './dispatches.js';
import { Passes } from './passes.js';

const large: Tuning = {
  maxBindingBytes: 2 ** 27,
  maxGroupsPerDimension: 65_535,
  isSoftware: false,
  hasHalf: false,
  subgroupLanes: 0,
};

function planned(
  loss: Loss,
  shape: readonly number[],
  tuning: Partial<Tuning> = {},
  more: Record<string, TensorSpec> = {},
): { dispatches: Dispatches; passes: Passes; bindings: Bindings; maxBindingBytes: number } {
  const { plan } = makePlan(
    loss,
    { logits: f32(shape), targets: f32(shape), ...more },
    { gradients: ['logits'] },
  );
  const [passes, bindings] = [new Passes(plan), new Bindings(plan)];
  const all = { ...large, ...tuning };
  return {
    dispatches: planDispatches(passes, bindings, all),
    passes,
    bindings,
    maxBindingBytes: all.maxBindingBytes,
  };
}

/** Windows of all bindings in all dispatches that are empty or larger than a binding. */
function misfits({ dispatches, passes, bindings, maxBindingBytes }: ReturnType<typeof planned>): object[] {
  return dispatches.steps.flatMap(({ range }) =>
    [...bindings.inputs, ...bindings.outputs].flatMap((binding) => {
      const { from, to } = windowOf(passes, binding, range);
      return from < to && (to - from) * binding.bytes <= maxBindingBytes
        ? []
        : [{ range, binding, from, to }];
    }),
  );
}

describe('who owns a row', () => {
  it('one fused dispatch does an element loss', () => {
    const { dispatches } = planned(sigmoidCrossEntropy(), [8, 1, 256, 256]);
    expect(dispatches.steps).toHaveLength(1);
    expect(dispatches.shapes).toMatchObject([{ owner: 'thread', part: 'fused' }]);
  });

  it('short rows, and rows whose neighbours lie side by side, go to threads', () => {
    const few = planned(softmaxCrossEntropy({ axis: 1 }), [65_536, 21]);
    const side = planned(softmaxCrossEntropy(), [2, 1000, 64, 64]);
    for (const { dispatches } of [few, side]) {
      expect(dispatches.shapes).toMatchObject([{ owner: 'thread', part: 'fused' }]);
    }
  });

  it('long rows go to workgroups, but to threads on a software adapter', () => {
    const shape = [4096, 1000];
    expect(planned(softmaxCrossEntropy(), shape).dispatches.shapes[0]?.owner).toBe('workgroup');
    expect(planned(softmaxCrossEntropy(), shape, { isSoftware: true }).dispatches.shapes[0]?.owner).toBe(
      'thread',
    );
  });

  it('a thread does more of a large tensor on a software adapter, while there are groups for every core', () => {
    const software = { isSoftware: true };
    const rowsEach = (length: number): number | undefined =>
      planned(sigmoidCrossEntropy(), [length], software).dispatches.shapes[0]?.rowsEach;
    expect(rowsEach(100)).toBe(16);
    expect(rowsEach(150_000)).toBe(32);
    expect(rowsEach(2 ** 24)).toBe(128);
  });

  it('few rows that are very long are shared out over many workgroups', () => {
    const { dispatches } = planned(dice(), [2, 1, 1024, 1024]);
    expect(dispatches.shapes.map(({ part }) => part)).toEqual([0, 1, 'final']);
    expect(dispatches.steps[0]?.slots).toBeGreaterThan(100);
  });
});

describe('what does not fit into one binding', () => {
  it('is cut into parts that do', () => {
    const tight = { maxBindingBytes: 2 ** 16 };
    expect(misfits(planned(sigmoidCrossEntropy(), [8, 1, 256, 256], tight))).toEqual([]);
    expect(misfits(planned(softmaxCrossEntropy(), [64, 10, 8, 8], tight))).toEqual([]);
    expect(misfits(planned(softmaxCrossEntropy(), [2, 21, 128, 128], tight))).toEqual([]);
    expect(misfits(planned(softmaxCrossEntropy(), [3, 100_000], tight))).toEqual([]);
    expect(misfits(planned(dice(), [3, 2, 300, 301], tight))).toEqual([]);
  });

  it('is cut where an operand is broadcast, too', () => {
    const mask = { mask: u8([8, 1, 256, 256]) };
    const parts = planned(sigmoidCrossEntropy(), [8, 3, 256, 256], { maxBindingBytes: 2 ** 17 }, mask);
    expect(parts.dispatches.steps.length).toBeGreaterThan(1);
    expect(misfits(parts)).toEqual([]);
  });

  it('covers every row once', () => {
    const { dispatches, passes } = planned(softmaxCrossEntropy(), [64, 10, 8, 8], {
      maxBindingBytes: 2 ** 14,
    });
    const rows = dispatches.steps.reduce((sum, step) => sum + step.rows, 0);
    expect(dispatches.steps.length).toBeGreaterThan(4);
    expect(rows).toBe(passes.rows);
  });
});

describe('what does not fit into one dispatch', () => {
  it('is cut by the number of workgroups', () => {
    const { dispatches } = planned(sigmoidCrossEntropy(), [1_000_000], { maxGroupsPerDimension: 4 });
    for (const { units } of dispatches.steps) expect(units).toBeLessThanOrEqual(16);
    expect(dispatches.steps.reduce((sum, { rows }) => sum + rows, 0)).toBe(1_000_000);
  });
});
