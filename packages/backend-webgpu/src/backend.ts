import { CapabilityError, OptionError, type Backend } from '@softxent/core';
import { describe, findAdapter, isSoftware, lanesOf, requestDevice } from './adapter.js';
import type { WebGPUBuffer } from './buffer.js';
import { WebGPUDevice } from './device.js';
import { backendName } from './errors.js';

/** Options of {@link webgpu}. */
export interface WebGPUOptions {
  /**
   * A GPUDevice of the program's own, to share buffers with what else runs on it. It is not destroyed on dispose. The
   * others of these options say where a device comes from, and do not go with it.
   */
  readonly device?: GPUDevice;
  /** An adapter of the program's own; a device is requested from it, which an adapter grants once. */
  readonly adapter?: GPUAdapter;
  /** Which adapter to ask for, where there are several. */
  readonly powerPreference?: GPUPowerPreference;
  /** What to ask for an adapter; default `navigator.gpu`, or in Node the `webgpu` package. */
  readonly gpu?: GPU;
  /**
   * Whether threads of a workgroup pass numbers through subgroups, not memory, where they add up a row or totals; results
   * are the same bits either way. `auto`, the default: where the device has the feature `subgroups` and its lanes are in the
   * order of threads. `true`: a device without is refused. Software adapters give rows to single threads (3 to 20 times
   * faster there), which have nothing to pass.
   */
  readonly subgroups?: 'auto' | boolean;
  /**
   * Work within less than the device's limits: for tests of how large tensors are cut, and to leave room to others.
   */
  readonly limits?: {
    /** Bytes of one binding, at least 4096. */
    readonly maxStorageBufferBindingSize?: number;
    readonly maxComputeWorkgroupsPerDimension?: number;
  };
}

/** The backend that {@link webgpu} returns. */
export interface WebGPUBackend extends Backend<WebGPUBuffer> {
  open(): Promise<WebGPUDevice>;
}

const known = ['device', 'adapter', 'powerPreference', 'gpu', 'subgroups', 'limits'];

/**
 * softxent on WebGPU: losses as WGSL kernels, in browsers, in Node (with the `webgpu` package), and wherever else there is a
 * GPUDevice. Logits float32 or float16; targets these, uint8 or int32. Sums are the same bits in every run on an adapter.
 *
 * `open` throws BackendUnavailableError where there is no WebGPU, no adapter, or only one that computes nothing, and
 * CapabilityError where `subgroups: true` cannot be had.
 *
 * @throws {OptionError} for an unknown option, or `device` beside another source
 */
export function webgpu(options: WebGPUOptions = {}): WebGPUBackend {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new OptionError({
      subject: `webgpu option ${name}`,
      found: 'an unknown option',
      expected: known.join(', '),
    });
  }
  const { device, adapter, powerPreference, gpu, subgroups = 'auto', limits = {} } = options;
  if (device !== undefined && (adapter ?? powerPreference ?? gpu) !== undefined) {
    throw new OptionError({
      subject: 'webgpu option device',
      found: 'adapter, powerPreference or gpu beside it',
      expected: 'a device, or where one is to come from',
    });
  }
  if (subgroups !== 'auto' && typeof subgroups !== 'boolean') {
    throw new OptionError({
      subject: 'webgpu option subgroups',
      found: String(subgroups),
      expected: "'auto', true or false",
    });
  }
  const binding = limits.maxStorageBufferBindingSize;
  if (binding !== undefined && !(binding >= 4096)) {
    throw new OptionError({
      subject: 'webgpu option limits.maxStorageBufferBindingSize',
      found: String(binding),
      expected: 'a number >= 4096',
    });
  }
  const groups = limits.maxComputeWorkgroupsPerDimension;
  if (groups !== undefined && !(groups >= 1)) {
    throw new OptionError({
      subject: 'webgpu option limits.maxComputeWorkgroupsPerDimension',
      found: String(groups),
      expected: 'a number >= 1',
    });
  }
  return {
    name: backendName,
    async open() {
      const found = device === undefined ? await findAdapter({ gpu, adapter, powerPreference }) : undefined;
      const opened = device ?? (await requestDevice(found as GPUAdapter));
      const info = found?.info ?? (opened as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
      const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = opened.limits;
      const made = new WebGPUDevice({
        gpu: opened,
        description: `webgpu (${describe(info)})`,
        isOwn: device === undefined,
        tuning: {
          maxBindingBytes: Math.min(maxStorageBufferBindingSize, binding ?? Infinity),
          maxGroupsPerDimension: Math.min(maxComputeWorkgroupsPerDimension, groups ?? Infinity),
          isSoftware: isSoftware(info),
          // Nothing is to be probed for kernels that have no use for it.
          subgroupLanes: subgroups === true || (subgroups && !isSoftware(info)) ? lanesOf(opened, info) : 0,
          hasHalf: opened.features.has('shader-f16'),
        },
      });
      if (subgroups !== true || (await made.subgroupLanes()) > 0) return made;
      await made.dispose();
      throw new CapabilityError(
        backendName,
        'subgroups',
        `${describe(info)} has not the feature, or threads are not in order in them`,
      );
    },
  };
}
