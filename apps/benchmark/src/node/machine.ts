/** What is to be said of this machine. */
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import process from 'node:process';
import type { Machine, Row } from '../model.js';

/** Processors that this process may use. */
export const cores = (): number => availableParallelism();

/** Bytes that could be had now. */
export function availableMemory(): number {
  const { availableMemory: told } = process as { availableMemory?: () => number };
  return Math.min(told?.call(process) ?? Infinity, freemem());
}

/** Processes that were running in the last minute, for each core; null where the system does not tell (Windows). */
export function loadPerCore(): number | null {
  const [load = 0] = loadavg();
  return process.platform === 'win32' ? null : load / cores();
}

/** Describes the machine that rows were found on. */
export function describeMachine(command: string, date: Date, rows: readonly Row[]): Machine {
  const gpu = rows.find((row) => row.status === 'measured' && row.device === 'gpu');
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cores(),
    memoryBytes: totalmem(),
    runtime: `node ${process.version}`,
    platform: `${process.platform} ${process.arch}`,
    gpu: gpu?.status === 'measured' ? gpu.description : null,
    date: date.toISOString(),
    command,
  };
}
