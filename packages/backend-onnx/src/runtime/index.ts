/**
 * ONNX Runtime, one provider at a time and with no silent fallback. onnxruntime-node and onnxruntime-web are optional peers: the one
 * that a provider needs is imported when it is asked for.
 *
 * ```ts
 * await using session = await openSession(bytes, { provider: 'cpu', threads: 1 });
 * const { y } = await session.run({ x: { dtype: 'float32', shape: [1, 3], data: new Float32Array(3) } });
 * ```
 *
 * @module
 */

export { packageFor, type Provider } from './load.js';
export { nodePlacement, type Placement } from './placement.js';
export {
  OnnxGraphError,
  OrtSession,
  openSession,
  probeProvider,
  type GpuTensor,
  type HostTensor,
  type OpenOptions,
} from './session.js';
