/** Loads other people's libraries so that they take their WebAssembly from this page's own files, and the threads they are given. */
import type { TensorFlow } from '@softxent/tfjs';
import type { OrtLibrary } from '../../src/contestants/ort.js';
import type { TensorFlowLibrary } from '../../src/contestants/tfjs.js';

/** TensorFlow.js with the package that registers this backend. */
export async function loadTensorFlow(
  name: 'cpu' | 'wasm' | 'webgl' | 'webgpu',
): Promise<TensorFlow & TensorFlowLibrary> {
  const tf = await import('@tensorflow/tfjs');
  if (name === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  if (name === 'wasm') {
    const [{ setWasmPaths }, { default: plain }, { default: simd }, { default: threaded }] =
      await Promise.all([
        import('@tensorflow/tfjs-backend-wasm'),
        import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'),
        import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'),
        import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'),
      ]);
    // On an isolated page it would take all cores under the name of one thread.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    const address = (path: string): string => new URL(path, import.meta.url).href;
    // It wants to know all three, whichever it takes.
    setWasmPaths({
      'tfjs-backend-wasm.wasm': address(plain),
      'tfjs-backend-wasm-simd.wasm': address(simd),
      'tfjs-backend-wasm-threaded-simd.wasm': address(threaded),
    });
  }
  return tf;
}

interface OrtSettings {
  readonly env: { readonly wasm: { numThreads?: number } };
}

/** ONNX Runtime Web: the build that has the provider, and no other provider to fall back on. */
export async function loadOrt(provider: 'wasm' | 'webgpu', threads: number): Promise<OrtLibrary> {
  const ort: unknown =
    provider === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web');
  (ort as OrtSettings).env.wasm.numThreads = threads;
  return ort as OrtLibrary;
}
