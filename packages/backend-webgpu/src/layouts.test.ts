import {
  dice,
  float16,
  numberToFloat16,
  open,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviation, operandsOf, tuned } from './testing/backends.js';

/** A session for the tests of a block. */
function sessionOf(tuning: Parameters<typeof tuned>[0]): () => Session {
  let session: Session;
  beforeAll(async () => {
    session = await open(tuned(tuning));
  });
  afterAll(() => session.dispose());
  return () => session;
}

describe('kernels for GPUs: workgroups own rows and add up their totals', () => {
  const session = sessionOf({ isSoftware: false });

  it('an element loss of many workgroups', async () => {
    expect(await deviation(session(), sigmoidCrossEntropy(), operandsOf([3, 5, 37, 41]))).toBeLessThanOrEqual(
      1,
    );
  });

  it('rows that a workgroup reads together', async () => {
    expect(await deviation(session(), softmaxCrossEntropy(), operandsOf([37, 200]))).toBeLessThanOrEqual(1);
  });

  it('rows with a few columns side by side', async () => {
    expect(
      await deviation(session(), softmaxCrossEntropy({ floor: 'entropy' }), operandsOf([3, 70, 5])),
    ).toBeLessThanOrEqual(1);
  });

  it('very long rows, shared out over workgroups', async () => {
    expect(await deviation(session(), dice(), operandsOf([3, 90, 91]))).toBeLessThanOrEqual(1);
  });

  it('class labels and weights', async () => {
    const { logits } = operandsOf([300, 65]);
    const labels = Int32Array.from({ length: 300 }, (_, i) => (i * 7) % 65);
    const weights = Float32Array.from({ length: 300 }, (_, i) => (i % 4) / 2);
    const operands = { logits, targets: tensor(labels), weights: tensor(weights) };
    expect(
      await deviation(session(), softmaxCrossEntropy({ reduction: 'mean-weight' }), operands),
    ).toBeLessThanOrEqual(1);
  });
});

describe('kernels for software adapters', () => {
  const session = sessionOf({ isSoftware: true });

  it('very long rows, shared out over workgroups', async () => {
    expect(await deviation(session(), dice(), operandsOf([3, 90, 91]))).toBeLessThanOrEqual(1);
  });

  it('very long rows side by side', async () => {
    expect(
      await deviation(session(), softmaxCrossEntropy({ axis: 0 }), operandsOf([5000, 17])),
    ).toBeLessThanOrEqual(1);
  });

  it('the same bits in every run', async () => {
    const operands = operandsOf([2, 3, 70, 61]);
    const first = await session().valueAndGrad(dice(), operands);
    const second = await session().valueAndGrad(dice(), operands);
    expect(second).toEqual(first);
  });
});

describe('what exceeds a binding or a dispatch is cut, and gives the same', () => {
  const whole = sessionOf({});
  const cut = sessionOf({ maxBindingBytes: 4096, maxGroupsPerDimension: 2 });

  /** Whether gradients are the same bits, and totals, which are added in other groups, the same but for 1e-12. */
  async function isSame(loss: Loss, operands: Readonly<Record<string, Tensor>>): Promise<boolean> {
    const [a, b] = [await whole().valueAndGrad(loss, operands), await cut().valueAndGrad(loss, operands)];
    const bits = ({ gradients }: typeof a): string => {
      const { buffer } = ((gradients as Record<string, Tensor>)['logits'] as Tensor).data;
      return new Uint8Array(buffer).join();
    };
    const [value, other] = [a.value as number, b.value as number];
    return bits(a) === bits(b) && Math.abs(other - value) <= 1e-12 * Math.abs(value);
  }

  it('element losses', async () => {
    expect(await isSame(sigmoidCrossEntropy(), operandsOf([2, 3, 50, 41]))).toBe(true);
  });

  it('element losses with broadcast weights, a mask and uint8 targets', async () => {
    const { logits, targets } = operandsOf([2, 3, 50, 41]);
    expect(
      await isSame(sigmoidCrossEntropy({ reduction: 'mean-weight' }), {
        logits,
        targets: tensor(
          Uint8Array.from(targets.data, (t) => Math.round(255 * t)),
          logits.shape,
        ),
        weights: tensor(Float32Array.of(1, 2, 3), [3, 1, 1]),
        mask: tensor(
          Uint8Array.from({ length: 4100 }, (_, i) => i % 3),
          [2, 1, 50, 41],
        ),
      }),
    ).toBe(true);
  });

  it('element losses in float16, odd in number', async () => {
    const { logits, targets } = operandsOf([3, 1501]);
    const half = (from: Tensor): Tensor => float16(Uint16Array.from(from.data, numberToFloat16), from.shape);
    expect(
      await isSame(sigmoidCrossEntropy({ reduction: 'sum' }), {
        logits: half(logits),
        targets: half(targets),
      }),
    ).toBe(true);
  });

  it('class losses, between rows', async () => {
    expect(await isSame(softmaxCrossEntropy(), operandsOf([70, 21, 5]))).toBe(true);
  });

  it('class losses, where the positions of a row lie far apart', async () => {
    expect(await deviation(cut(), softmaxCrossEntropy(), operandsOf([2, 3, 1700]))).toBeLessThanOrEqual(1);
  });

  it('class losses, along a row', async () => {
    expect(
      await deviation(cut(), softmaxCrossEntropy({ axis: 1 }), operandsOf([2, 3000])),
    ).toBeLessThanOrEqual(1);
  });

  it('region losses', async () => {
    expect(await deviation(cut(), dice(), operandsOf([2, 2, 61, 67]))).toBeLessThanOrEqual(1);
  });
});
