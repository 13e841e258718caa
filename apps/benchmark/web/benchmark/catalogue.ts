/** Who can take part in a browser. Names only: libraries are loaded by the workers that run them. */

/** A contestant of the page. */
export interface Entry {
  /** Unique, and a part of saved choices. */
  readonly id: string;
  readonly name: string;
  readonly role: 'backend' | 'peer';
  /** `one`, or `many`: as many as are asked for, and a page that is cross-origin isolated. */
  readonly threads: 'one' | 'many';
  /** What it needs beyond WebAssembly. */
  readonly needs?: 'webgpu' | 'webgl';
  /** Whether it is chosen at first. */
  readonly isDefault?: boolean;
}

/** Every contestant, in the order of the page. */
export const catalogue: readonly Entry[] = [
  { id: 'wasm', name: 'wasm', role: 'backend', threads: 'one', isDefault: true },
  { id: 'wasm-n', name: 'wasm', role: 'backend', threads: 'many', isDefault: true },
  { id: 'webgpu', name: 'webgpu', role: 'backend', threads: 'one', needs: 'webgpu', isDefault: true },
  { id: 'cpu', name: 'cpu', role: 'backend', threads: 'one', isDefault: true },
  { id: 'onnx-wasm', name: 'onnx-wasm', role: 'backend', threads: 'one' },
  { id: 'onnx-wasm-n', name: 'onnx-wasm', role: 'backend', threads: 'many' },
  { id: 'onnx-webgpu', name: 'onnx-webgpu', role: 'backend', threads: 'one', needs: 'webgpu' },
  { id: 'tfjs-wasm', name: 'tfjs-wasm', role: 'backend', threads: 'one' },
  { id: 'tfjs-webgl', name: 'tfjs-webgl', role: 'backend', threads: 'one', needs: 'webgl' },
  { id: 'tfjs-webgpu', name: 'tfjs-webgpu', role: 'backend', threads: 'one', needs: 'webgpu' },
  { id: 'peer-typescript', name: 'typescript', role: 'peer', threads: 'one', isDefault: true },
  { id: 'peer-tfjs-wasm', name: 'tfjs-wasm', role: 'peer', threads: 'one', isDefault: true },
  { id: 'peer-tfjs-webgl', name: 'tfjs-webgl', role: 'peer', threads: 'one', needs: 'webgl' },
  { id: 'peer-tfjs-webgpu', name: 'tfjs-webgpu', role: 'peer', threads: 'one', needs: 'webgpu' },
  { id: 'peer-tfjs-cpu', name: 'tfjs-cpu', role: 'peer', threads: 'one' },
  { id: 'peer-ort', name: 'ort-web', role: 'peer', threads: 'one', isDefault: true },
  { id: 'peer-ort-n', name: 'ort-web', role: 'peer', threads: 'many' },
  { id: 'peer-ort-webgpu', name: 'ort-webgpu', role: 'peer', threads: 'one', needs: 'webgpu' },
  { id: 'peer-jax', name: 'jax', role: 'peer', threads: 'one' },
  { id: 'peer-jax-webgpu', name: 'jax-webgpu', role: 'peer', threads: 'one', needs: 'webgpu' },
];
