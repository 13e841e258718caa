/** What takes part in the rounds of one workload. */
import type { Limit, WorkloadKey } from '../model.js';
import { bytesMoved, limitSpec } from './limits.js';
import type { Participant, Station } from './participant.js';
import { spreadOf } from './statistics.js';
import { workloadOf, type Workload } from './workload.js';

/** One participant with what it is to compute: a workload or a limit kernel. */
export interface Entry {
  readonly participant: Participant;
  readonly workload: Workload;
  readonly limit?: Limit['kernel'];
  station?: Station;
  value?: number;
  reason?: string;
  samples?: readonly number[];
}

/** Kernels that only move memory, as many elements as the workload has. */
export function limitEntries(participants: readonly Participant[], elements: number): readonly Entry[] {
  const kernels: readonly Limit['kernel'][] = ['copy', 'triad'];
  return participants.flatMap((participant) =>
    kernels.map((limit): Entry => ({ participant, limit, workload: workloadOf(limitSpec(limit, elements)) })),
  );
}

const bytesOf = ({ participant, workload }: Entry): number =>
  participant.bytesPerElement * workload.key.elements;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;

/**
 * As many at a time as the memory holds beside the limits, which run with each batch; what does not fit alone gets its reason.
 *
 * @param memory bytes
 */
export function batchesOf(
  entries: readonly Entry[],
  limits: readonly Entry[],
  memory: number,
): readonly (readonly Entry[])[] {
  const limitBytes = limits.reduce((sum, limit) => sum + bytesOf(limit), 0);
  const batches: Entry[][] = [[]];
  let used = limitBytes;
  for (const entry of entries) {
    const bytes = bytesOf(entry);
    const fits = limitBytes + bytes <= memory;
    if (!fits) {
      entry.reason = `needs about ${gigabytes(limitBytes + bytes)} with the limits beside it; ${gigabytes(memory)} may be used`;
    }
    if (fits && used + bytes > memory && batches.at(-1)!.length > 0) {
      batches.push([]);
      used = limitBytes;
    }
    batches.at(-1)!.push(entry);
    if (fits) used += bytes;
  }
  return batches;
}

/** What a limit kernel found, if it ran. */
export function limitOf({ limit, participant, samples }: Entry, key: WorkloadKey): Limit[] {
  if (limit === undefined || samples === undefined || samples.length === 0) return [];
  const nsPerElement = spreadOf(samples.map((ms) => (ms * 1e6) / key.elements));
  const { device, threads } = participant.key;
  return [
    {
      ...key,
      kernel: limit,
      device,
      threads,
      nsPerElement,
      gigabytesPerSecond: bytesMoved[limit] / nsPerElement.median,
    },
  ];
}

/** The message of whatever was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/** `wasm, 2 threads`. */
export function participantName({ contestant, threads, role }: Participant['key']): string {
  const count = threads === null || threads === 1 ? '' : `, ${threads} threads`;
  return `${contestant}${role === 'peer' ? ' (peer)' : ''}${count}`;
}

/** `sigmoidCrossEntropy, flat, 1000000 elements`. */
export function workloadName({ loss, layout, elements, classes }: WorkloadKey): string {
  return `${loss}, ${layout}, ${elements} elements${classes === null ? '' : `, ${classes} classes`}`;
}
