export { wasm, type WasmOptions } from './backend.js';
export type { WasmBuffer } from './kernel.js';
