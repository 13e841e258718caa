import {
  f16,
  float16,
  numberToFloat16,
  open,
  qualityFocal,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  u8,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { makePlan } from '@softxent/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAdapter, requestDevice } from './adapter.js';
import { usage } from './buffer.js';
import { webgpu } from './index.js';
import { Bindings } from './kernel/bindings.js';
import { planDispatches } from './kernel/dispatches.js';
import { Passes } from './kernel/passes.js';
import { operandsOf, tuned } from './testing/backends.js';
import { kernelText } from './wgsl/kernel.js';

const half = (from: Tensor): Tensor<'float16'> =>
  float16(Uint16Array.from(from.data, numberToFloat16), from.shape);

function textOf(isHalfNative: boolean): string {
  const specs = { logits: f16([300, 7]), targets: u8([300, 7]) };
  const { plan } = makePlan(softmaxCrossEntropy({ axis: 1 }), specs, { gradients: ['logits'] });
  const [passes, bindings] = [new Passes(plan), new Bindings(plan, { isHalfNative })];
  const tuning = {
    maxBindingBytes: 2 ** 27,
    maxGroupsPerDimension: 65_535,
    isSoftware: false,
    hasHalf: true,
    subgroupLanes: 0 as const,
  };
  const { shapes } = planDispatches(passes, bindings, tuning);
  return shapes.map((shape) => kernelText(passes, bindings, shape)).join('\n');
}

describe('the text of a kernel on float16', () => {
  it('binds f16 and leaves bytes in words, where the adapter has the type', () => {
    const text = textOf(true);
    expect(text).toMatch(/^enable f16;\n/);
    expect(text).toMatch(/b2: array<f16>;\s+fn load2\(j: u32\) -> f32 \{ return f32\(b2\[j\]\); \}/);
    expect(text).toMatch(/b3: array<u32>;/);
    expect(text).toMatch(/read_write> b4: array<f16>;/);
    expect(text).toMatch(/b4\[el - params\.base4\] = sx_toHalf\(/);
    expect(text).not.toMatch(/sx_halfToFloat/);
  });

  it('does without f16 elsewhere', () => {
    const text = textOf(false);
    expect(text).not.toMatch(/f16/);
    expect(text).toMatch(/sx_halfToFloat\(\(b2\[j >> 1u\]/);
    expect(text).toMatch(/read_write> b4: array<f32>;/);
  });
});

const probed = await webgpu().open();
const reason = (await probed.isHalfNative())
  ? ''
  : 'the adapter has no shader-f16, or rounds otherwise than to nearest';
await probed.dispose();

describe(`float16 by the adapter's own type${reason && ` (skipped: ${reason})`}`, () => {
  let native: Session;
  let packed: Session;
  let device: GPUDevice;
  beforeAll(async () => {
    if (reason) return;
    device = await requestDevice(await findAdapter({}));
    native = await open(webgpu({ device }));
    packed = await open(tuned({ hasHalf: false }));
  });
  afterAll(async () => {
    if (reason) return;
    await native.dispose();
    await packed.dispose();
    device.destroy();
  });

  /** Value and gradient of both, as one comparable thing. */
  async function both(loss: Loss, operands: Readonly<Record<string, Tensor>>): Promise<[unknown, unknown]> {
    const [a, b] = [await native.valueAndGrad(loss, operands), await packed.valueAndGrad(loss, operands)];
    return [a, b];
  }

  it.skipIf(reason)('gives the bits of the conversion by integers', async () => {
    const { logits, targets } = operandsOf([3, 7, 501]);
    const operands = { logits: half(logits), targets: half(targets) };
    for (const loss of [sigmoidCrossEntropy(), softmaxCrossEntropy(), qualityFocal({ reduction: 'none' })]) {
      const [a, b] = await both(loss, operands);
      expect(a).toEqual(b);
    }
  });

  it.skipIf(reason)(
    'is right for every bit pattern: infinities, NaN, subnormals and what is out of range',
    async () => {
      const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);
      const logits = float16(all);
      const targets = tensor(Float32Array.from(all, (i) => (i % 5) / 4));
      const [a, b] = await both(sigmoidCrossEntropy({ reduction: 'none', posWeight: 1e5 }), {
        logits,
        targets,
      });
      expect(a).toEqual(b);
    },
  );

  it.skipIf(reason)('leaves the other half of the last word alone', async () => {
    const { logits, targets } = operandsOf([1501]);
    const operands = { logits: half(logits), targets: half(targets) };
    const expected = (await packed.valueAndGrad(sigmoidCrossEntropy(), operands)).gradients;
    const gpu = device.createBuffer({ size: 3004, usage: usage.storage | usage.copySrc | usage.copyDst });
    device.queue.writeBuffer(gpu, 0, new Uint16Array(1502).fill(0x1234));
    const gradient = native.adopt(gpu, f16([1501]));
    await native.valueAndGrad(sigmoidCrossEntropy(), operands, { into: { gradients: { logits: gradient } } });
    const after = await native.download(native.adopt(gpu, f16([1502])));
    expect(after.data.subarray(0, 1501)).toEqual((expected as { logits: Tensor }).logits.data);
    expect(after.data[1501]).toBe(0x1234);
  });

  it.skipIf(reason)('lets a gradient take the place of its operand, and of nothing beside it', async () => {
    const { logits, targets } = operandsOf([1501]);
    const operands = { logits: half(logits), targets: half(targets) };
    const expected = (await packed.valueAndGrad(sigmoidCrossEntropy(), operands)).gradients;
    const gpu = device.createBuffer({ size: 3004, usage: usage.storage | usage.copySrc | usage.copyDst });
    const words = new Uint16Array(1502).fill(0x1234);
    words.set(operands.logits.data);
    device.queue.writeBuffer(gpu, 0, words);
    const place = native.adopt(gpu, f16([1501]));
    await native.valueAndGrad(
      sigmoidCrossEntropy(),
      { logits: place, targets: operands.targets },
      { into: { gradients: { logits: place } } },
    );
    const after = await native.download(native.adopt(gpu, f16([1502])));
    expect(after.data.subarray(0, 1501)).toEqual((expected as { logits: Tensor }).logits.data);
    expect(after.data[1501]).toBe(0x1234);
  });

  it.skipIf(reason)('is cut into parts that fit', async () => {
    const cut = await open(tuned({ maxBindingBytes: 4096, maxGroupsPerDimension: 2 }));
    const { logits, targets } = operandsOf([3, 1501]);
    const operands = { logits: half(logits), targets: half(targets) };
    const [a, b] = [
      await native.valueAndGrad(sigmoidCrossEntropy(), operands),
      await cut.valueAndGrad(sigmoidCrossEntropy(), operands),
    ];
    expect(b.gradients).toEqual(a.gradients);
    await cut.dispose();
  });
});
