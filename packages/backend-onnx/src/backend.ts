import type { Backend, Device } from '@softxent/core';
import { OnnxDevice } from './device.js';
import { gpuMemory, type GpuDevice } from './gpu-memory.js';
import { hostMemory } from './memory.js';
import { backendName, inNode, loadOrt } from './runtime/load.js';
import { probeProvider, type Provider } from './runtime/index.js';

/** How the ONNX backend runs. */
export interface OnnxOptions {
  /**
   * Where ONNX Runtime computes. `cpu`, `cuda`: Node, through onnxruntime-node. `wasm`: everywhere, through onnxruntime-web. `webgpu`: browsers
   * through onnxruntime-web, Node through onnxruntime-node.
   */
  readonly provider: Provider;
  /** Threads of `cpu` and `wasm`. Default: ONNX Runtime's choice. The first `wasm` device of a process decides for all. */
  readonly threads?: number;
  /** `cpu`: whether idle threads wait in a busy loop. Default true. */
  readonly spinning?: boolean;
  /** `cuda`: the device's number. Default 0. */
  readonly deviceId?: number;
}

/**
 * softxent on ONNX Runtime: every loss becomes an ONNX graph with symbolic sizes, and one session serves all sizes.
 *
 * A node that the provider has no kernel for is an error: nothing moves to the CPU silently. Opening runs a graph of one node, so that a
 * missing package, driver or library shows there.
 *
 * Operands are read where they lie. With `webgpu` in browsers tensors live on the GPU, and what stays there is not copied; elsewhere they live
 * in host memory, and with `cuda` and with `webgpu` in Node every run carries them to the device and back.
 *
 * ```ts
 * await using session = await open(onnx({ provider: 'cpu', threads: 1 }));
 * ```
 */
export function onnx(options: OnnxOptions): Backend {
  return {
    name: backendName(options.provider),
    async open(): Promise<Device> {
      await probeProvider(options);
      // In Node a tensor on the GPU cannot be brought back: reading one ends the process.
      if (options.provider !== 'webgpu' || inNode()) return new OnnxDevice(options, hostMemory);
      const { env } = await loadOrt(options.provider);
      return new OnnxDevice(options, gpuMemory((await env.webgpu.device) as GpuDevice));
    },
  };
}

/** `onnx({ provider: 'cuda', ... })`: NVIDIA GPUs, in Node. */
export function cuda(options: Omit<OnnxOptions, 'provider'> = {}): Backend {
  return onnx({ ...options, provider: 'cuda' });
}
