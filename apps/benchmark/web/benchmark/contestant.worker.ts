/** The thread of one contestant: it is loaded, prepared and timed here, away from the page and from the others. */
import type { Evaluated } from '../../src/measure/accuracy.js';
import { stationOf, type Station } from '../../src/measure/participant.js';
import type { WorkloadSpec } from '../../src/measure/workload.js';
import { answerCalls } from './calls.js';
import { contestantOf } from './contestants.js';

let station: Station | undefined;

function atWork(): Station {
  if (station === undefined) throw new Error('the contestant has not been opened');
  return station;
}

answerCalls({
  async open(id: string, threads: number): Promise<string> {
    station = stationOf(await contestantOf(id, threads).open(), () => performance.now());
    return station.description;
  },
  prepare: (spec: WorkloadSpec, seed: number) => atWork().prepare(spec, seed),
  sample: (calls: number, warm: boolean) => atWork().sample(calls, warm),
  async evaluate(spec: WorkloadSpec, seed: number): Promise<Evaluated> {
    const { values, gradient } = await atWork().evaluate(spec, seed);
    // Views of WebAssembly memory would take all of it along.
    return { values: Float32Array.from(values), gradient: Float32Array.from(gradient) };
  },
  close: () => atWork().close(),
});
