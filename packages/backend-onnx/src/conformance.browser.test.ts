import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { onnx } from './index.js';

declare global {
  interface ImportMeta {
    /** Vite puts it there. */
    readonly env: Readonly<Record<string, string | undefined>>;
  }
}

// Each loss and its extremes: the arithmetic is that of the whole suites in Node, here on a browser's WebAssembly and WebGPU. All of it with
// SOFTXENT_CONFORMANCE=full.
const filter = /^[a-zA-Z]+: float32 (predictions, float32 targets|extremes)/;
const options = import.meta.env['SOFTXENT_CONFORMANCE'] === 'full' ? {} : { filter };

conformanceTests(onnx({ provider: 'wasm', threads: 1 }), { describe, it, afterAll }, options);
conformanceTests(onnx({ provider: 'webgpu' }), { describe, it, afterAll }, options);
