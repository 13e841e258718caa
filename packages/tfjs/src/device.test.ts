// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import {
  BackendUnavailableError,
  CapabilityError,
  dice,
  DisposedError,
  f32,
  float16,
  numberToFloat16,
  open,
  openSync,
  OptionError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  type DeviceTensor,
  type Tensor,
} from '@softxent/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { tfjs, type TfBackendName } from './index.js';

const logits = (): Tensor<'float32'> => tensor(Float32Array.of(2.5, -1, 0.3, 8, -20, 0.001), [2, 3]);
const targets = (): Tensor<'float32'> => tensor(Float32Array.of(0.9, 0.25, 0.5, 1, 0.001, 0), [2, 3]);

describe('opening', () => {
  it('wants the wasm backend to be initialised where there are no promises', () => {
    expect(() => openSync(tfjs(tf, { backend: 'wasm' }))).toThrow(BackendUnavailableError);
    expect(() => openSync(tfjs(tf, { backend: 'wasm' }))).toThrow(/await tf.setBackend/);
  });

  it('leaves the current backend as it is', async () => {
    await tf.setBackend('cpu');
    await using session = await open(tfjs(tf, { backend: 'wasm' }));
    expect(tf.getBackend()).toBe('cpu');
    await session.valueAndGrad(softmaxCrossEntropy(), { logits: logits(), targets: targets() });
    expect(tf.getBackend()).toBe('cpu');
    using synchronous = openSync(tfjs(tf, { backend: 'wasm' }));
    expect(
      synchronous.value(sigmoidCrossEntropy(), { logits: logits(), targets: targets() }),
    ).toBeGreaterThan(0);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('refuses names that it does not know, and backends that are not registered', async () => {
    expect(() => tfjs(tf, { backend: 'abacus' as TfBackendName })).toThrow(OptionError);
    const without = { ...tf, findBackendFactory: () => undefined as never };
    await expect(open(tfjs(without, { backend: 'wasm' }))).rejects.toThrow(/import the package/);
    expect(() => openSync(tfjs(without, { backend: 'cpu' }))).toThrow(BackendUnavailableError);
  });
});

describe('what only browsers have', () => {
  const pretend = (flags: Readonly<Record<string, boolean>>): typeof tf => {
    const environment = { getBool: (name: string) => flags[name] ?? false };
    const engine = { registry: { webgl: {} } };
    return {
      ...tf,
      env: () => environment,
      engine: () => engine,
      findBackendFactory: () => () => ({}),
    } as never;
  };

  it('webgl is refused where it renders half precision only, and where it takes shapes as uniforms', async () => {
    const half = tfjs(pretend({}), { backend: 'webgl' });
    expect(() => openSync(half)).toThrow(/half precision/);
    await expect(open(half)).rejects.toThrow(BackendUnavailableError);
    const flags = { WEBGL_RENDER_FLOAT32_ENABLED: true, WEBGL_USE_SHAPES_UNIFORMS: true };
    expect(() => openSync(tfjs(pretend(flags), { backend: 'webgl' }))).toThrow(/WEBGL_USE_SHAPES_UNIFORMS/);
  });

  it('webgl has synchronous sessions, webgpu has none', () => {
    expect(tfjs(tf, { backend: 'webgl' })).toHaveProperty('openSync');
    expect(tfjs(tf, { backend: 'webgpu' })).not.toHaveProperty('openSync');
  });
});

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => void (await tf.setBackend(backend)));

  it('leaves no tensor behind, whatever a session was used for', async () => {
    const before = tf.memory().numTensors;
    {
      using session = openSync(tfjs(tf, { backend }));
      const step = session.compile(softmaxCrossEntropy(), { logits: f32([2, 3]), targets: f32([2, 3]) });
      const run = (): void => {
        step.run({ logits: logits(), targets: targets() });
        session.valueAndGrad(sigmoidCrossEntropy(), { logits: logits(), targets: targets() });
      };
      run();
      const after = tf.memory().numTensors;
      for (let i = 0; i < 3; i++) run();
      expect(tf.memory().numTensors).toBe(after);
      const held = session.upload(logits());
      const { gradients } = step.run({ logits: held, targets: targets() }, { results: 'device' });
      step.run({ logits: held, targets: targets() }, { into: { gradients } });
      expect(tf.memory().numTensors).toBeGreaterThan(after);
      expect(session.download(gradients.logits).data[0]).not.toBe(0);
    }
    {
      await using session = await open(tfjs(tf, { backend }));
      await session.valueAndGrad(dice(), { logits: logits(), targets: targets() }, { results: 'device' });
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves no tensor behind when TensorFlow.js throws in the middle of a run', () => {
    const failing = {
      ...tf,
      div: () => {
        throw new Error('out of memory');
      },
    } as unknown as typeof tf;
    using session = openSync(tfjs(failing, { backend }));
    const before = tf.memory().numTensors;
    const call = (): unknown =>
      session.valueAndGrad(sigmoidCrossEntropy(), { logits: logits(), targets: targets() });
    expect(call).toThrow(/tfjs-.*out of memory/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps tensors of a session that were made inside tf.tidy', () => {
    using session = openSync(tfjs(tf, { backend }));
    const held: DeviceTensor<'float32'>[] = [];
    tf.tidy(() => {
      held.push(session.upload(logits()));
      session.value(sigmoidCrossEntropy(), { logits: held[0], targets: targets() });
    });
    expect(session.download(held[0]!).data).toEqual(logits().data);
  });

  it('does not see what happens to an array after its upload', () => {
    using session = openSync(tfjs(tf, { backend }));
    const mine = logits();
    const held = session.upload(mine);
    mine.data.fill(0);
    expect(session.download(held).data).toEqual(logits().data);
  });

  it('keeps half precision in storage and computes in float32', () => {
    using session = openSync(tfjs(tf, { backend }));
    const half = float16(Uint16Array.from([0.5, -2, 3], numberToFloat16));
    const { gradients } = session.valueAndGrad(sigmoidCrossEntropy({ reduction: 'sum' }), {
      logits: half,
      targets: tensor(Uint8Array.of(0, 255, 51)),
    });
    expect(gradients.logits.data).toEqual(
      Uint16Array.from(
        [1 / (1 + Math.exp(-0.5)), -1 / (1 + Math.exp(-2)), 0.8 - 1 / (1 + Math.exp(3))],
        numberToFloat16,
      ),
    );
  });

  it('reads operands whose broadcast cuts through the reduced axes', () => {
    using session = openSync(tfjs(tf, { backend }));
    const shape = [2, 2, 3, 2];
    const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const wide = Uint8Array.from({ length: 24 }, (_, i) => [1, 0, 1][Math.floor(i / 2) % 3]!);
    const call = (mask: Tensor<'uint8'>): unknown =>
      session.valueAndGrad(dice(), {
        logits: tensor(values, shape),
        targets: tensor(values.map(Math.abs), shape),
        mask,
      });
    expect(call(tensor(Uint8Array.of(1, 0, 1), [3, 1]))).toEqual(call(tensor(wide, shape)));
  });

  it('sums a region of a million elements to float32 precision', () => {
    using session = openSync(tfjs(tf, { backend }));
    const n = 1_000_001;
    const probabilities = new Float32Array(n).fill(0.1);
    const operands = {
      probabilities: tensor(probabilities, [1, 1, n]),
      targets: tensor(new Float32Array(n).fill(0.3), [1, 1, n]),
    };
    const [p, t] = [Math.fround(0.1), Math.fround(0.3)];
    const value = session.value(dice({ from: 'probabilities' }), operands);
    expect(Math.abs(value / ((p * (1 - t) + t * (1 - p)) / (p + t)) - 1)).toBeLessThan(5e-7);
  });

  it('refuses double precision', () => {
    using session = openSync(tfjs(tf, { backend }));
    const call = (): unknown =>
      session.value(sigmoidCrossEntropy(), {
        logits: tensor(Float64Array.of(1)),
        targets: tensor(Float32Array.of(1)),
      });
    expect(call).toThrow(CapabilityError);
  });

  it('is not used after its disposal', () => {
    const device = tfjs(tf, { backend }).openSync();
    const buffer = device.allocate(f32([2]));
    device.dispose();
    expect(() => device.write(buffer, Float32Array.of(1, 2), f32([2]))).toThrow(DisposedError);
  });
});
