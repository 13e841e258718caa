/** For tests: the backend with its work shared out as for other adapters and tighter limits. */
import type { Loss, Session, Tensor } from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';
import { findAdapter, lanesOf, requestDevice } from '../adapter.js';
import type { WebGPUBackend } from '../backend.js';
import { WebGPUDevice } from '../device.js';
import type { Tuning } from '../kernel/dispatches.js';

/** The backend as it is on an adapter with this tuning. */
export function tuned({ subgroups, ...rest }: Partial<Tuning> & { subgroups?: boolean }): WebGPUBackend {
  return {
    name: 'webgpu',
    async open() {
      const adapter = await findAdapter({});
      const gpu = await requestDevice(adapter);
      const all = lanesOf(gpu, adapter.info);
      return new WebGPUDevice({
        gpu,
        description: 'tuned',
        isOwn: true,
        tuning: {
          maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
          maxGroupsPerDimension: gpu.limits.maxComputeWorkgroupsPerDimension,
          isSoftware: true,
          subgroupLanes: 0,
          hasHalf: gpu.features.has('shader-f16'),
          ...rest,
          ...(subgroups ? { subgroupLanes: all } : {}),
        },
      });
    },
  };
}

/** A fixed sequence of numbers in [0, 1). */
export function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Logits in [-10, 10] and targets in [0, 1]. */
export function operandsOf(
  shape: readonly number[],
  seed = 1,
): { logits: Tensor<'float32'>; targets: Tensor<'float32'> } {
  const next = sequence(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  const logits = Float32Array.from({ length: size }, () => 20 * next() - 10);
  const targets = Float32Array.from({ length: size }, () => next());
  return {
    logits: { dtype: 'float32', shape, data: logits },
    targets: { dtype: 'float32', shape, data: targets },
  };
}

/**
 * How far value and gradient by the logits are from the reference, as a part of what they may be: 8 ulp of the largest term
 * for gradients, 1e-6 of the value for sums.
 */
export async function deviation(
  session: Session,
  loss: Loss,
  operands: Readonly<Record<string, Tensor>>,
): Promise<number> {
  const got = await session.valueAndGrad(loss, operands);
  const expected = referenceLoss(loss, operands);
  const right = expected.value as number;
  let worst = Math.abs((got.value as number) - right) / (1e-6 * Math.abs(right));
  const gradient = (got.gradients as Record<string, Tensor>)['logits'] as Tensor;
  const exact = expected.gradients['logits'] as Float64Array;
  const scales = expected.scales.gradients['logits'] as Float64Array;
  for (const [i, wanted] of exact.entries()) {
    const scale = Math.max(Math.abs(wanted), scales[i] as number, 2 ** -120);
    const part = Math.abs((gradient.data[i] as number) - wanted) / (8 * scale * 2 ** -23);
    worst = Number.isNaN(part) ? Infinity : Math.max(worst, part);
  }
  return worst;
}
