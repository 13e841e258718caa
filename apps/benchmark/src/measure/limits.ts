/** Kernels that only move memory: what no loss can be faster than, run through the same machinery as losses. */
import { defineLoss } from '@softxent/core';
import { add, constant, mul } from '@softxent/core/program';
import type { Limit } from '../model.js';
import type { WorkloadSpec } from './workload.js';

/** Reads logits and targets and writes a gradient, as an element loss does: g = x + 2 t. */
const triad = defineLoss({
  kind: 'bench/triad',
  program: ({ prediction, target }) => ({
    reductions: [],
    value: constant(0),
    gradients: { logits: add(prediction, mul(2, target)) },
  }),
});

/** Reads logits and writes them: g = x. */
const copy = defineLoss({
  kind: 'bench/copy',
  program: ({ prediction }) => ({ reductions: [], value: constant(0), gradients: { logits: prediction } }),
});

/** For `parseLoss`. */
export const limitLosses: readonly unknown[] = [triad, copy];

/** Bytes that a kernel moves for each element. */
export const bytesMoved: Readonly<Record<Limit['kernel'], number>> = { copy: 8, triad: 12 };

/** The limit kernel as a workload. */
export function limitSpec(kernel: Limit['kernel'], elements: number): WorkloadSpec {
  return { loss: JSON.stringify({ kind: `bench/${kernel}` }), layout: 'flat', elements, classes: 1 };
}
