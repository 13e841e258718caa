/** Everything that a program needs: losses, sessions, the backends of this package's dependencies, and `auto()`. */
export * from '@softxent/core';
export { cpu, type CpuOptions } from '@softxent/backend-cpu';
export { wasm, type WasmOptions } from '@softxent/backend-wasm';
export { webgpu, type WebGPUOptions } from '@softxent/backend-webgpu';
export { auto, candidatesFor, type AutoOptions, type Candidate } from './auto.js';
