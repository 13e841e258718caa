import { f32, open, sigmoidCrossEntropy, tensor, u8, type DeviceTensor, type Session } from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAdapter, requestDevice } from './adapter.js';
import { usage } from './buffer.js';
import { webgpu } from './index.js';
import { operandsOf } from './testing/backends.js';

describe('a GPUDevice of the program', () => {
  let device: GPUDevice;
  let session: Session;
  const loss = sigmoidCrossEntropy({ reduction: 'sum' });
  const shape = [3, 333];
  const host = operandsOf(shape);

  beforeAll(async () => {
    device = await requestDevice(await findAdapter({}));
    session = await open(webgpu({ device }));
  });
  afterAll(async () => {
    await session.dispose();
    device.destroy();
  });

  function buffer(
    data: Float32Array | Uint8Array,
    offset = 0,
    uses: number = usage.storage | usage.copySrc,
  ): GPUBuffer {
    const made = device.createBuffer({ size: offset + data.byteLength + 8, usage: uses | usage.copyDst });
    device.queue.writeBuffer(made, offset, data.slice());
    return made;
  }

  it('its buffers are operands and results without a copy', async () => {
    const expected = await session.valueAndGrad(loss, host);
    const result = device.createBuffer({ size: 4 * 999, usage: usage.storage | usage.copySrc });
    const gradient = session.adopt(result, f32(shape));
    const { value } = await session.valueAndGrad(
      loss,
      {
        logits: session.adopt(buffer(host.logits.data), f32(shape)),
        targets: session.adopt({ buffer: buffer(host.targets.data, 516), offset: 516 }, f32(shape)),
      },
      { into: { gradients: { logits: gradient } } },
    );
    expect(value).toBe(expected.value);
    expect(await session.download(gradient)).toEqual(expected.gradients.logits);
  });

  it('a tensor of the session is a GPUBuffer for others', async () => {
    const logits = await session.upload(host.logits);
    const { buffer: shared, size } = session.native(logits) as GPUBufferBinding;
    expect(size).toBe(4 * 999);
    const changed = Float32Array.from(host.logits.data, (x) => -x);
    device.queue.writeBuffer(shared, 0, changed);
    expect((await session.download(logits)).data).toEqual(changed);
  });

  it('a gradient may take the place of its operand', async () => {
    const expected = await session.valueAndGrad(loss, host);
    const logits: DeviceTensor = await session.upload(host.logits);
    const { value } = await session.valueAndGrad(
      loss,
      { logits, targets: host.targets },
      { into: { gradients: { logits } } },
    );
    expect(value).toBe(expected.value);
    expect((await session.download(logits)).data).toEqual(expected.gradients.logits.data);
  });

  it('a freed tensor leaves an adopted buffer alone', async () => {
    const mine = buffer(host.logits.data);
    session.adopt(mine, f32(shape)).free();
    expect((await session.download(session.adopt(mine, f32(shape)))).data).toEqual(host.logits.data);
  });

  it('what is no buffer, too small, out of line or without the usage is refused', () => {
    const small = buffer(new Float32Array(4));
    const plain = device.createBuffer({ size: 4096, usage: usage.copyDst });
    expect(() => session.adopt({}, f32([4]))).toThrow(/expected a GPUBuffer/);
    expect(() => session.adopt(small, f32([400]))).toThrow(/found 24 bytes, expected at least 1600/);
    expect(() => session.adopt({ buffer: small, offset: 2 }, u8([4]))).toThrow(/multiple of 4/);
    expect(() => session.adopt(plain, f32([4]))).toThrow(/STORAGE/);
  });

  it('outlives the session', async () => {
    const other = await open(webgpu({ device }));
    await other.upload(tensor(new Float32Array(5)));
    await other.dispose();
    await expect(session.valueAndGrad(loss, host)).resolves.toHaveProperty('value');
  });
});

describe('a session of its own device', () => {
  it('names the adapter', async () => {
    const session = await open(webgpu());
    expect(session.description).toMatch(/^webgpu \(.+\)$/);
    await session.dispose();
  });

  it('takes sizes that are no multiple of four bytes', async () => {
    const session = await open(webgpu());
    for (const length of [1, 2, 3, 5]) {
      const bytes = tensor(Uint8Array.from({ length }, (_, i) => 250 + i));
      const resident = await session.upload(bytes);
      expect(await session.download(resident)).toEqual(bytes);
    }
    await session.dispose();
  });

  it('takes data in shared memory', async () => {
    const session = await open(webgpu());
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set([1, 2, 3]);
    const resident = await session.upload(tensor(shared));
    expect([...(await session.download(resident)).data]).toEqual([1, 2, 3]);
    await session.dispose();
  });
});
