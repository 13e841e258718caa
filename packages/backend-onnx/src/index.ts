/**
 * softxent on ONNX Runtime: CPU, CUDA, WebGPU and WebAssembly.
 *
 * @module
 */

export { cuda, onnx, type OnnxOptions } from './backend.js';
export { embedLoss, type EmbeddedLoss, type EmbedOptions } from './embed.js';
export { addLoss, exportLoss, toOnnx, type AddLossOptions, type ExportOptions } from './export.js';
export type { LossNodes } from './render/natural.js';
export { OnnxGraphError, probeProvider, type Provider } from './runtime/index.js';
