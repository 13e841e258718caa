import { open, sigmoidCrossEntropy, tensor } from '@softxent/core';
import { expect, test } from 'vitest';
import { onnx } from './index.js';

test('operands and gradients stay on the GPU between runs', async () => {
  await using session = await open(onnx({ provider: 'webgpu' }));
  expect(session.capabilities.memory).toBe('device');
  const logits = tensor(Float32Array.of(-3, -1, 0, 1, 20), [5]);
  const targets = tensor(Uint8Array.of(0, 51, 128, 255, 255), [5]);
  const host = await session.valueAndGrad(sigmoidCrossEntropy(), { logits, targets });
  const held = { logits: await session.upload(logits), targets: await session.upload(targets) };
  const step = await session.compile(sigmoidCrossEntropy(), held);
  const gradient = session.allocate({ dtype: 'float32', shape: [5] });
  for (let run = 0; run < 3; run++) {
    const { value, gradients } = await step.run(held, {
      into: { gradients: { logits: gradient } },
      results: 'device',
    });
    expect(value).toBe(host.value);
    expect(gradients.logits).toBe(gradient);
  }
  expect(gradient.view()).toBeUndefined();
  expect((await session.download(gradient)).data).toEqual(host.gradients.logits.data);
  // A result is an operand of the next call as it is.
  const next = await session.value(sigmoidCrossEntropy(), { logits: gradient, targets: held.targets });
  expect(next).toBe(await session.value(sigmoidCrossEntropy(), { logits: host.gradients.logits, targets }));
});
