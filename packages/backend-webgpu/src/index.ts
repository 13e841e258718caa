/** softxent on WebGPU. */
export { isSoftware } from './adapter.js';
export { webgpu, type WebGPUBackend, type WebGPUOptions } from './backend.js';
export type { WebGPUBuffer } from './buffer.js';
export { WebGPUDevice } from './device.js';
