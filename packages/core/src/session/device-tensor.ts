import type { Device } from '../backend.js';
import { DisposedError, OperandError } from '../errors.js';
import type { DataOf, DType, TensorSpec } from '../tensor.js';

/** What a session knows of a tensor on its device. */
interface Resident {
  readonly device: Device;
  readonly buffer: unknown;
  isFreed: boolean;
  readonly onFree: () => void;
}

const residents = new WeakMap<DeviceTensor, Resident>();

/**
 * A tensor in the memory of a session's device. It stays until {@link free} (or `using`), or until the session is
 * disposed of.
 */
export class DeviceTensor<D extends DType = DType> implements TensorSpec<D> {
  readonly dtype: D;
  readonly shape: readonly number[];

  /** Sessions make these; see `session.upload` and `session.allocate`. */
  constructor(spec: TensorSpec<D>, device: Device, buffer: unknown, onFree: () => void) {
    this.dtype = spec.dtype;
    this.shape = [...spec.shape];
    residents.set(this, { device, buffer, isFreed: false, onFree });
  }

  /**
   * The tensor's elements, where the device computes in memory that the host sees (`capabilities.memory === 'host'`);
   * else undefined. Take it anew after other calls of the session: memory that grows makes an old view stale.
   *
   * @throws {DisposedError} after free
   */
  view(): DataOf<D> | undefined {
    const { device, buffer, isFreed } = residents.get(this) as Resident;
    if (isFreed) throw new DisposedError('the tensor');
    return device.view?.(buffer, this) as DataOf<D> | undefined;
  }

  /** Gives the memory back; a second call does nothing. */
  free(): void {
    const resident = residents.get(this) as Resident;
    if (resident.isFreed) return;
    resident.isFreed = true;
    resident.device.free(resident.buffer);
    resident.onFree();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/**
 * The device's buffer of a tensor.
 *
 * @throws {OperandError} for a tensor of another session
 * @throws {DisposedError} for one that was freed
 */
export function bufferOf(subject: string, tensor: DeviceTensor, device: Device): unknown {
  const resident = residents.get(tensor);
  if (resident === undefined || resident.device !== device) {
    throw new OperandError({
      subject,
      found: 'a tensor of another session',
      expected: "a host tensor, or one that this session's upload or allocate gave",
    });
  }
  if (resident.isFreed) throw new DisposedError(`${subject}'s tensor`);
  return resident.buffer;
}
