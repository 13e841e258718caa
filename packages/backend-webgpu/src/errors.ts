/** Errors of WebGPU, which arrive late and in several ways, as the typed errors of softxent. */
import { DeviceError, DisposedError, SoftxentError } from '@softxent/core';

export const backendName = 'webgpu';

const filters = ['validation', 'out-of-memory', 'internal'] as const;
const meanings = {
  validation: 'the device refused a command',
  'out-of-memory': 'out of memory',
  internal: 'the device failed',
} as const;

/** Watches one GPUDevice: knows whether it is lost, and turns what goes wrong into {@link DeviceError}. */
export class ErrorWatch {
  readonly #gpu: GPUDevice;
  #lost: DeviceError | undefined;
  /** Set when the backend itself destroys the device: then its loss is no news. */
  isDisposed = false;
  /** Errors of calls that returned before they were known. */
  readonly #pending = new Set<Promise<DeviceError | undefined>>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    void this.#awaitLoss();
  }

  async #awaitLoss(): Promise<void> {
    const { reason, message } = await this.#gpu.lost;
    const detail = message === '' ? '' : `: ${message}`;
    this.#lost = new DeviceError(backendName, `the device was lost (${reason || 'unknown reason'})${detail}`);
  }

  /** Throws if the device is gone. */
  check(): void {
    if (this.isDisposed) throw new DisposedError('the WebGPU device');
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Makes calls whose errors are found out later; the next {@link settle} throws them. */
  scoped<T>(what: string, calls: () => T): T {
    for (const filter of filters) this.#gpu.pushErrorScope(filter);
    try {
      return calls();
    } finally {
      const popped = filters.toReversed().map(async (filter) => {
        const error = await this.#gpu.popErrorScope();
        if (error === null) return undefined;
        return new DeviceError(backendName, `${what}: ${meanings[filter]}: ${error.message}`, {
          cause: error,
        });
      });
      const found = Promise.all(popped).then(
        (errors) => errors.find((error) => error !== undefined),
        // Scopes cannot be popped from a lost device.
        (error: unknown) => new DeviceError(backendName, `${what}: ${messageOf(error)}`, { cause: error }),
      );
      this.#pending.add(found);
    }
  }

  /** Waits for the fate of all calls so far. */
  async settle(): Promise<void> {
    const pending = [...this.#pending];
    for (const found of pending) this.#pending.delete(found);
    const errors = await Promise.all(pending);
    this.check();
    const error = errors.find((candidate) => candidate !== undefined);
    if (error !== undefined) throw error;
  }

  /** Waits for `work` and for the fate of the calls so far; what went wrong first is what is thrown. */
  async done<T>(what: string, work: Promise<T>): Promise<T> {
    const outcome = await work.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.settle();
    if ('value' in outcome) return outcome.value;
    // A loss is told to those who wait for the device's work before it is told to those who wait for the loss.
    await Promise.race([this.#gpu.lost, Promise.resolve()]);
    this.check();
    if (outcome.error instanceof SoftxentError) throw outcome.error;
    throw new DeviceError(backendName, `${what}: ${messageOf(outcome.error)}`, { cause: outcome.error });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
