/** Participants whose contestants have a worker of their own. */
import type { Participant, Station } from '../../src/measure/participant.js';
import { Callable } from './calls.js';
import { contestantOf } from './contestants.js';

/** Long enough for the largest library over a slow line. */
const patienceMs = 120_000;

/** A contestant of the catalogue, in a worker that is started when it is opened and ended when it is closed. */
export function inWorker(id: string, threads: number): Participant {
  const { key, bytesPerElement } = contestantOf(id, threads);
  return {
    key,
    bytesPerElement,
    async open() {
      const worker = new Callable(
        new Worker(new URL('./contestant.worker.ts', import.meta.url), { type: 'module', name: id }),
      );
      try {
        const description = await within(worker.call<string>('open', id, threads));
        return remoteStation(worker, description);
      } catch (error) {
        worker.terminate();
        throw error;
      }
    },
  };
}

/** Some drivers never answer. */
async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not open within ${patienceMs / 1000} s`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function remoteStation(worker: Callable, description: string): Station {
  return {
    description,
    prepare: (spec, seed) => worker.call('prepare', spec, seed),
    sample: (calls, warm) => worker.call('sample', calls, warm),
    evaluate: (spec, seed) => worker.call('evaluate', spec, seed),
    // Browsers do not tell a worker's memory.
    peakMemory: () => Promise.resolve(null),
    async close() {
      try {
        await worker.call('close');
      } finally {
        worker.terminate();
      }
    },
  };
}
