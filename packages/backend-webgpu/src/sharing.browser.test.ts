import { f32, open, sigmoidCrossEntropy, type Session } from '@softxent/core';
import * as tf from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as ort from 'onnxruntime-web/webgpu';
import { expect, it } from 'vitest';
import { findAdapter, requestDevice } from './adapter.js';
import { webgpu } from './index.js';
import { operandsOf } from './testing/backends.js';

const loss = sigmoidCrossEntropy({ reduction: 'sum' });
// tfjs computes tensors of fewer than 1000 elements on the CPU.
const shape = [40, 50];
const host = operandsOf(shape);

/** The loss of the host's operands on this device, for comparison. */
async function onDevice(
  device: GPUDevice,
): Promise<{ readonly session: Session; readonly value: number; readonly gradient: Float32Array }> {
  const session = await open(webgpu({ device }));
  const { value, gradients } = await session.valueAndGrad(loss, host);
  return { session, value, gradient: gradients.logits.data as Float32Array };
}

it('TensorFlow.js runs on our device: its buffers are operands, results are its tensors', async () => {
  const device = await requestDevice(await findAdapter({}));
  const { session, value: expected, gradient: wanted } = await onDevice(device);
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, device.adapterInfo));
  await tf.setBackend('webgpu');
  const onGPU = (data: Float32Array): GPUBuffer =>
    tf.neg(tf.neg(tf.tensor(data, [40, 50]))).dataToGPU().buffer as GPUBuffer;
  const gradient = session.allocate(f32(shape));
  const { value } = await session.valueAndGrad(
    loss,
    {
      logits: session.adopt(onGPU(host.logits.data), f32(shape)),
      targets: session.adopt(onGPU(host.targets.data), f32(shape)),
    },
    { into: { gradients: { logits: gradient } } },
  );
  expect(value).toBe(expected);

  const { buffer } = session.native(gradient) as GPUBufferBinding;
  const seen = tf.tensor({ buffer, zeroCopy: true }, [40, 50], 'float32');
  expect(await tf.neg(tf.neg(seen)).data()).toEqual(wanted);
  await session.dispose();
});

// y = -x for x of shape [n]: one node, opset 18.
const negation = Uint8Array.from(
  atob('CAk6NAoLCgF4EgF5IgNOZWcSAWdaEAoBeBILCgkIARIFCgMSAW5iEAoBeRILCgkIARIFCgMSAW5CAhAS'),
  (character) => character.charCodeAt(0),
);

it('we run on the device of ONNX Runtime Web: its tensors are operands, results are its tensors', async () => {
  ort.env.wasm.numThreads = 1;
  const network = await ort.InferenceSession.create(negation, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  });
  const { session, value: expected, gradient: wanted } = await onDevice(await ort.env.webgpu.device);
  const input = new ort.Tensor(
    'float32',
    host.logits.data.map((x) => -x),
    [2000],
  );
  const { y: output } = await network.run({ x: input });
  const gradient = session.allocate(f32(shape));
  const { value } = await session.valueAndGrad(
    loss,
    { logits: session.adopt(output?.gpuBuffer, f32(shape)), targets: host.targets },
    { into: { gradients: { logits: gradient } } },
  );
  expect(value).toBe(expected);

  const { buffer } = session.native(gradient) as { buffer: ort.Tensor.GpuBufferType };
  const result = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [2000] });
  const { y: negated } = await network.run({ x: result });
  expect(await negated?.getData()).toEqual(wanted.map((x) => -x));
  await session.dispose();
  await network.release();
});
