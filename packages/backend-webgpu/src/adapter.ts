/** From a GPU object to a device that can be used. */
import { BackendUnavailableError } from '@softxent/core';
import { backendName, messageOf } from './errors.js';
import { dawn, isNode } from './node/dawn.js';
import type { SubgroupLanes } from './wgsl/combine.js';

/** Where the device is to come from. */
export interface AdapterOptions {
  readonly gpu?: GPU | undefined;
  readonly adapter?: GPUAdapter | undefined;
  readonly powerPreference?: GPUPowerPreference | undefined;
}

/** The GPU object of the browser, or Dawn's in Node. */
export async function findGPU(): Promise<GPU> {
  const { navigator } = globalThis as { navigator?: { gpu?: GPU } };
  if (navigator?.gpu !== undefined) return navigator.gpu;
  if (isNode()) return dawn();
  throw new BackendUnavailableError(
    backendName,
    'navigator.gpu is missing: the browser has no WebGPU, or the page is not served over https or from localhost',
  );
}

/** An adapter that computes. */
export async function findAdapter({ gpu, adapter, powerPreference }: AdapterOptions): Promise<GPUAdapter> {
  const found =
    adapter ??
    (await request(gpu ?? (await findGPU()), powerPreference === undefined ? {} : { powerPreference }));
  if (found === null) {
    const remedy = isNode()
      ? 'a Vulkan, Metal or Direct3D 12 driver, or the environment of @softxent/backend-webgpu/software-adapter'
      : 'a GPU and a browser that lets pages use it';
    throw new BackendUnavailableError(backendName, `there is no adapter; it takes ${remedy}`);
  }
  // Dawn's stand-in accepts everything and computes nothing.
  if (found.info.device === 'null-backend' || found.info.architecture === 'null-backend') {
    throw new BackendUnavailableError(
      backendName,
      'the only adapter is the null backend, which computes nothing',
    );
  }
  return found;
}

async function request(gpu: GPU, options: GPURequestAdapterOptions): Promise<GPUAdapter | null> {
  try {
    return await gpu.requestAdapter(options);
  } catch (error) {
    throw new BackendUnavailableError(backendName, `requestAdapter failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Features that kernels make use of where an adapter has them. */
const wanted = ['shader-f16', 'subgroups'] as const;

/** A device with the largest buffers and bindings that the adapter has, and with the features that kernels use. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature));
  const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize };
  try {
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (error) {
    throw new BackendUnavailableError(backendName, `requestDevice failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The lanes that every subgroup of a device has at least, of those that kernels can use; 0 without the feature. */
export function lanesOf(device: GPUDevice, info: GPUAdapterInfo | undefined): SubgroupLanes {
  if (!device.features.has('subgroups')) return 0;
  const least = info?.subgroupMinSize ?? 0;
  return ([64, 32, 16, 8, 4] as const).find((lanes) => lanes <= least) ?? 0;
}

/** An adapter in words. */
export function describe(info: GPUAdapterInfo | undefined): string {
  if (info === undefined) return 'a device of the program';
  const words = [info.vendor, info.architecture, info.description || info.device].filter(
    (word) => word !== '',
  );
  return words.length === 0 ? 'an adapter without a name' : [...new Set(words)].join(' ');
}

/** Whether the adapter computes on the processor. */
export function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  if (info === undefined) return false;
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/.test(text);
}
