/** A contestant where it runs: in this page or process, or in a process of its own. */
import type { Contestant, Opened, Prepared } from '../contestants/contestant.js';
import type { ContestantKey } from '../model.js';
import type { Evaluated } from './accuracy.js';
import { workloadOf, type WorkloadSpec } from './workload.js';

/** Milliseconds since some moment: `performance.now`. */
export type Clock = () => number;

/** What a few calls took. */
export interface Sample {
  /** Milliseconds of all calls together. */
  readonly ms: number;
  /** The mean loss that the last call gave. */
  readonly value: number;
}

/** Takes part in a run. */
export interface Participant {
  readonly key: ContestantKey;
  readonly bytesPerElement: number;
  /** @throws where the contestant cannot run here; the message is the reason that is reported */
  open(): Promise<Station>;
}

/** A participant at work, on one workload at a time. */
export interface Station {
  readonly description: string;
  /** Makes the workload ready, in place of the one before. */
  prepare(spec: WorkloadSpec, seed: number): Promise<void>;
  /** Calls once without taking the time where `warm`, then `calls` times, taking it. */
  sample(calls: number, warm: boolean): Promise<Sample>;
  evaluate(spec: WorkloadSpec, seed: number): Promise<Evaluated>;
  /** Peak resident bytes since it was opened, beyond those of then; null where that cannot be told. */
  peakMemory(): Promise<number | null>;
  close(): Promise<void>;
}

async function take(prepared: Prepared, calls: number, clock: Clock): Promise<Sample> {
  let value = NaN;
  const start = clock();
  for (let call = 0; call < calls; call++) {
    const result = prepared.run();
    // Awaiting what is no promise would cost the synchronous ones a turn of the queue.
    // oxlint-disable-next-line no-await-in-loop
    value = typeof result === 'number' ? result : await result;
  }
  return { ms: clock() - start, value };
}

/** A contestant that runs here. `memory` tells the peak, where the surroundings can. */
export function stationOf(opened: Opened, clock: Clock, memory?: () => number | null): Station {
  let prepared: Prepared | undefined;
  const release = async (): Promise<void> => {
    const old = prepared;
    prepared = undefined;
    await old?.dispose();
  };
  return {
    description: opened.description,
    async prepare(spec, seed) {
      await release();
      prepared = await opened.prepare(workloadOf(spec), seed);
    },
    async sample(calls, warm) {
      if (prepared === undefined) throw new Error('nothing is prepared');
      if (warm) await prepared.run();
      return take(prepared, calls, clock);
    },
    evaluate: (spec, seed) => opened.evaluate(workloadOf(spec), seed),
    peakMemory: () => Promise.resolve(memory?.() ?? null),
    async close() {
      await release();
      await opened.dispose();
    },
  };
}

/** A participant in this page or process: no memory of its own to be told, no protection from its neighbours. */
export function inProcess(contestant: Contestant, clock: Clock = () => performance.now()): Participant {
  return {
    key: contestant.key,
    bytesPerElement: contestant.bytesPerElement,
    open: async () => stationOf(await contestant.open(), clock),
  };
}
