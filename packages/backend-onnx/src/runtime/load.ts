import { BackendUnavailableError } from '@softxent/core';
import type { OrtModule } from './ort.js';

/** Where ONNX Runtime computes. In Node `wasm` is onnxruntime-web and the others are onnxruntime-node; in browsers all are onnxruntime-web. */
export type Provider = 'cpu' | 'cuda' | 'webgpu' | 'wasm';

const INSTALL_CUDA =
  'install onnxruntime-node with its install script enabled (pnpm: allowBuilds; npm: without --ignore-scripts): the script ' +
  "fetches ONNX Runtime's CUDA libraries, which need Linux on x64, an NVIDIA driver, CUDA 12 and cuDNN 9 " +
  '(libcublasLt.so.12 and libcudnn.so.9 on the library path)';

/** True in Node, and in what behaves as Node. */
export function inNode(): boolean {
  return typeof process === 'object' && typeof process.versions?.node === 'string';
}

/** The npm package that carries the provider here. */
export function packageFor(provider: Provider): 'onnxruntime-node' | 'onnxruntime-web' {
  return inNode() && provider !== 'wasm' ? 'onnxruntime-node' : 'onnxruntime-web';
}

/** The name that messages use. */
export function backendName(provider: Provider): string {
  return `onnx-${provider}`;
}

/** Imports the package that carries the provider. Throws {@link BackendUnavailableError} where it is missing. */
export async function loadOrt(provider: Provider): Promise<OrtModule> {
  const name = packageFor(provider);
  if (name === 'onnxruntime-web' && (provider === 'cuda' || provider === 'cpu')) {
    throw new BackendUnavailableError(
      backendName(provider),
      `the provider ${provider} needs Node; browsers have 'wasm' and 'webgpu'`,
    );
  }
  try {
    // The Node package is named by a variable so that bundlers for browsers do not follow it into native code; the web
    // packages by literals, so that they do ("as string" keeps their declarations out of the type check: see ort.ts).
    if (name === 'onnxruntime-node') return (await import(/* @vite-ignore */ name)) as OrtModule;
    if (provider === 'webgpu') {
      // Its WebGPU provider is the one of onnxruntime-node; the package's default build has an older one with fewer operators.
      // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
      return (await import('onnxruntime-web/webgpu' as string)) as OrtModule;
    }
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
    return (await import('onnxruntime-web' as string)) as OrtModule;
  } catch (cause) {
    throw new BackendUnavailableError(
      backendName(provider),
      `the package ${name} could not be loaded (${messageOf(cause)}); install it beside @softxent/backend-onnx`,
      { cause },
    );
  }
}

/** Why a provider does not open, with what to do about it. */
export function unavailable(provider: Provider, cause: unknown): BackendUnavailableError {
  const message = messageOf(cause);
  const remedy =
    provider === 'cuda'
      ? INSTALL_CUDA
      : provider === 'webgpu'
        ? 'a WebGPU adapter is needed: a browser with WebGPU, or in Node a Vulkan, Metal or D3D12 driver'
        : undefined;
  return new BackendUnavailableError(
    backendName(provider),
    remedy === undefined ? message : `${message}; ${remedy}`,
    { cause },
  );
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).trim();
}
