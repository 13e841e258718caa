import { cpu } from '@softxent/backend-cpu';
import { wasm } from '@softxent/backend-wasm';
import { isSoftware, WebGPUDevice, webgpu } from '@softxent/backend-webgpu';
import { BackendUnavailableError, OptionError, type Backend, type Device } from '@softxent/core';

/** A backend that {@link auto} may choose. */
export interface Candidate {
  readonly backend: Backend;
  /** Why the device that opened is not wanted after all; undefined where it is. */
  readonly refuse?: (device: Device) => string | undefined;
}

/** Options of {@link auto}. */
export interface AutoOptions {
  /**
   * Where operands and results live. `host` (default): in the program's own arrays; then what a GPU saves is spent on
   * moving them, and WebGPU is not tried. `device`: uploaded once and kept there; then WebGPU comes first.
   */
  readonly tensors?: 'host' | 'device';
  /** What to try, in this order, in place of the built-in list. */
  readonly candidates?: readonly Candidate[];
}

const software = 'its adapter is software, slower than WebAssembly';

/** The built-in lists, the fastest first. */
export function candidatesFor(tensors: 'host' | 'device'): readonly Candidate[] {
  const onCpu: readonly Candidate[] = [{ backend: wasm() }, { backend: cpu() }];
  if (tensors === 'host') return onCpu;
  const gpu: Candidate = {
    backend: webgpu(),
    refuse: (device) =>
      device instanceof WebGPUDevice && isSoftware(device.gpu.adapterInfo) ? software : undefined,
  };
  return [gpu, ...onCpu];
}

/**
 * The fastest backend that opens here: WebGPU on a real GPU (for tensors that stay on the device), then WebAssembly with
 * threads, then plain JavaScript. `session.description` says which it is, and for each one before it why not. Only
 * opening chooses: what the chosen backend cannot run is its typed error, not a reason to try the next.
 *
 * @example
 * await using session = await open(auto());
 * console.log(session.description);
 *
 * @throws {OptionError} for an option out of its range
 */
export function auto(options: AutoOptions = {}): Backend {
  const { tensors = 'host' } = options;
  if (tensors !== 'host' && tensors !== 'device') {
    throw new OptionError({
      subject: 'auto option tensors',
      found: String(tensors),
      expected: 'host or device',
    });
  }
  return {
    name: 'auto',
    open: () => firstOf(options.candidates ?? candidatesFor(tensors)),
  };
}

async function firstOf(candidates: readonly Candidate[]): Promise<Device> {
  const passed: string[] = [];
  for (const { backend, refuse } of candidates) {
    // One after the other: each is tried only where those before it do not open.
    // oxlint-disable-next-line no-await-in-loop
    const opened = await attempt(backend);
    if (typeof opened === 'string') {
      passed.push(`${backend.name}: ${opened}`);
      continue;
    }
    const reason = refuse?.(opened);
    if (reason === undefined) return describedAs(opened, passed);
    // oxlint-disable-next-line no-await-in-loop
    await opened.dispose();
    passed.push(`${backend.name}: ${reason}`);
  }
  throw new BackendUnavailableError('auto', passed.join('; ') || 'there is no candidate');
}

/** The device, or why there is none. What is no BackendUnavailableError is a defect and not passed over. */
async function attempt(backend: Backend): Promise<Device | string> {
  try {
    return await backend.open();
  } catch (error) {
    if (error instanceof BackendUnavailableError) return error.reason;
    throw error;
  }
}

function describedAs(device: Device, passed: readonly string[]): Device {
  if (passed.length === 0) return device;
  const description = `${device.description}; not ${passed.join('; not ')}`;
  return new Proxy(device, {
    get(target, key) {
      if (key === 'description') return description;
      const value: unknown = Reflect.get(target, key, target);
      // Methods of a device may keep private state: they run on the device itself.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
