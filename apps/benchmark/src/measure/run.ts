/** A run: every workload on every participant, in one report. */
import type { Limit, MeasuredRow, Noise, NotRunRow, PeerRatio, Row } from '../model.js';
import { Accuracies } from './accuracies.js';
import {
  batchesOf,
  limitEntries,
  limitOf,
  messageOf,
  participantName,
  workloadName,
  type Entry,
} from './entry.js';
import { interleave, type Outcome } from './interleave.js';
import { bytesMoved } from './limits.js';
import { noiseOf } from './noise.js';
import type { Participant, Station } from './participant.js';
import { limitFor, peerRatios } from './ratios.js';
import { spreadOf } from './statistics.js';
import { workloadOf, type Workload, type WorkloadSpec } from './workload.js';

/** What to run, and how. */
export interface RunOptions {
  readonly workloads: readonly WorkloadSpec[];
  readonly participants: readonly Participant[];
  /** Who runs the kernels that only move memory: one for each number of threads, and a GPU backend for GPUs. */
  readonly limits: readonly Participant[];
  readonly seed: number;
  readonly rounds: number;
  readonly secondsPerWorkload: number;
  /** Bytes that may be used at a time; what would need more is not run. Default: no bound. */
  readonly memoryBytes?: number;
  /** How many are opened at the same time: more than one for processes. Default 1. */
  readonly opensAtOnce?: number;
  /** Load of the machine before the run, in processes for each core; null where it is not told. */
  readonly loadBefore?: number | null;
  /** Lets the machine settle between samples. Default: a turn of the event loop. */
  readonly pause?: () => Promise<void>;
  /** Ends the run: it rejects with the signal's reason after everything has been closed. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What a run has come to. */
export interface Progress {
  /** From 0 to 1. */
  readonly fraction: number;
  /** What is being done, for people. */
  readonly doing: string;
  /** Rows of a workload that has just been finished; ratios included. */
  readonly rows?: readonly Row[];
  readonly limits?: readonly Limit[];
}

/** What a run finds: a report without the place where it was made. */
export interface Findings {
  readonly limits: readonly Limit[];
  readonly rows: readonly Row[];
  readonly noise: Noise;
}

/** A larger one is tried on this many elements first, to tell how long it will take. */
const probeElements = 2 ** 16;
const leastRounds = 3;
/** Compilers take that long to be done with calls that take microseconds. */
const mostWarmMs = 120;

class Run {
  readonly #options: RunOptions;
  readonly #accuracies: Accuracies;
  /** Participants that do not open here, and why. */
  readonly #closed = new Map<Participant, string>();
  readonly #rows: Row[] = [];
  readonly #limits: Limit[] = [];
  #done = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#accuracies = new Accuracies(options.seed);
  }

  async all(): Promise<Findings> {
    const { workloads, loadBefore = null } = this.#options;
    for (const spec of workloads) {
      // One after the other: they are to have the machine for themselves.
      // oxlint-disable-next-line no-await-in-loop
      await this.#workload(workloadOf(spec));
      this.#done++;
    }
    return { limits: this.#limits, rows: this.#rows, noise: noiseOf(this.#rows, this.#limits, loadBefore) };
  }

  #tell(within: number, doing: string, found: Pick<Progress, 'rows' | 'limits'> = {}): void {
    const { signal, onProgress, workloads } = this.#options;
    onProgress?.({ fraction: (this.#done + within) / workloads.length, doing, ...found });
    signal?.throwIfAborted();
  }

  async #workload(workload: Workload): Promise<void> {
    const { participants } = this.#options;
    const entries = participants.map((participant): Entry => ({ participant, workload }));
    const rows: Row[] = [];
    const limits: Limit[] = [];
    const { memoryBytes = Infinity } = this.#options;
    const beside = limitEntries(this.#options.limits, workload.key.elements);
    for (const batch of batchesOf(entries, beside, memoryBytes)) {
      // oxlint-disable-next-line no-await-in-loop
      const found = await this.#batch(batch, workload);
      rows.push(...found.rows);
      limits.push(...found.limits);
    }
    const order = (row: Row): number =>
      entries.findIndex(({ participant: { key } }) => sameContestant(key, row));
    rows.sort((a, b) => order(a) - order(b));
    const compared = rows.map((row) =>
      row.status === 'measured' ? { ...row, toPeers: peerRatios(row, rows) } : row,
    );
    // Of several batches those of the first.
    const isFirst = (limit: Limit, i: number): boolean =>
      !limits.slice(0, i).some((other) => sameLimit(limit, other));
    const kept = limits.filter(isFirst);
    this.#rows.push(...compared);
    this.#limits.push(...kept);
    this.#tell(1, workloadName(workload.key), { rows: compared, limits: kept });
  }

  async #batch(entries: readonly Entry[], workload: Workload): Promise<Pick<Findings, 'rows' | 'limits'>> {
    const all = [...limitEntries(this.#options.limits, workload.key.elements), ...entries];
    const what = workloadName(workload.key);
    try {
      await this.#open(all, what);
      for (const entry of all) {
        this.#tell(0.1, `${what}: preparing ${participantName(entry.participant.key)}`);
        // oxlint-disable-next-line no-await-in-loop
        await this.#prepare(entry);
      }
      await this.#time(all, what);
      const limits = all.flatMap((entry) => limitOf(entry, workload.key));
      const rows: Row[] = [];
      for (const entry of entries) {
        this.#tell(0.9, `${what}: errors of ${participantName(entry.participant.key)}`);
        // oxlint-disable-next-line no-await-in-loop
        rows.push(await this.#row(entry, limits));
      }
      return { rows, limits };
    } finally {
      await Promise.allSettled(all.map(async ({ station }) => station?.close()));
    }
  }

  async #open(entries: readonly Entry[], what: string): Promise<void> {
    const { opensAtOnce = 1 } = this.#options;
    const waiting = entries.filter(({ reason }) => reason === undefined);
    const opened = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
        const { participant } = entry;
        this.#tell(0, `${what}: opening ${participantName(participant.key)}`);
        // oxlint-disable-next-line no-await-in-loop
        await this.#openOne(entry);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: opensAtOnce }, opened));
    // Only once everything that was on its way has arrived: what is open gets closed.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #openOne(entry: Entry): Promise<void> {
    const { participant } = entry;
    const known = this.#closed.get(participant);
    if (known !== undefined) {
      entry.reason = known;
      return;
    }
    try {
      entry.station = await participant.open();
    } catch (thrown) {
      entry.reason = messageOf(thrown);
      this.#closed.set(participant, entry.reason);
    }
  }

  async #prepare(entry: Entry): Promise<void> {
    const { station, workload } = entry;
    if (station === undefined || entry.reason !== undefined) return;
    const { seed } = this.#options;
    try {
      const estimate = await this.#estimate(station, workload);
      const most = (1000 * this.#options.secondsPerWorkload) / 4;
      if (estimate > most) {
        const [s, limit] = [estimate, most].map((ms) => Number((ms / 1000).toPrecision(2)));
        entry.reason = `one call takes about ${s} s; calls of more than ${limit} s, a quarter of the time for a workload, are not repeated`;
        return;
      }
      await station.prepare(workload.spec, seed);
    } catch (thrown) {
      entry.reason = messageOf(thrown);
    }
  }

  /** Milliseconds of a call, found on fewer elements. */
  async #estimate(station: Station, { spec, key }: Workload): Promise<number> {
    if (key.elements <= 2 * probeElements) return 0;
    const few = Math.max(probeElements, spec.classes);
    await station.prepare({ ...spec, elements: few }, this.#options.seed);
    // Compilers take a while to get warm: the least of some calls.
    let least = Infinity;
    let spent = 0;
    for (let calls = 0; calls < 10 && spent < 300; calls++) {
      // oxlint-disable-next-line no-await-in-loop
      const { ms } = await station.sample(1, false);
      least = Math.min(least, ms);
      spent += ms;
    }
    return (least * key.elements) / few;
  }

  async #time(entries: readonly Entry[], what: string): Promise<void> {
    const ready = entries.filter(({ station, reason }) => station !== undefined && reason === undefined);
    const { rounds, secondsPerWorkload, pause = turn } = this.#options;
    this.#tell(0.2, `${what}: warming up`);
    const outcomes = await interleave(
      ready.map((entry) => ({
        sample: async (calls, warm) => {
          const { ms, value } = await entry.station!.sample(calls, warm);
          entry.value = value;
          return ms;
        },
      })),
      {
        rounds,
        leastRounds,
        seconds: secondsPerWorkload,
        sampleMs: 3,
        warmMs: Math.min(mostWarmMs, 100 * secondsPerWorkload),
        pause,
        onRound: (round, of) => this.#tell(0.2 + (0.7 * round) / of, `${what}: round ${round} of ${of}`),
      },
    );
    for (const [i, outcome] of outcomes.entries()) keep(ready[i]!, outcome);
  }

  async #row(entry: Entry, limits: readonly Limit[]): Promise<Row> {
    const { participant, workload, station, samples } = entry;
    const common = { ...workload.key, ...participant.key };
    if (station === undefined || samples === undefined || samples.length === 0) {
      return {
        ...common,
        status: 'not-run',
        reason: entry.reason ?? 'no sample was taken',
      } satisfies NotRunRow;
    }
    const peakMemoryBytes = await station.peakMemory().catch(() => null);
    const nsPerElement = spreadOf(samples.map((ms) => (ms * 1e6) / workload.key.elements));
    const limit = limitFor(common, limits);
    const judged = await this.#accuracies.of(entry, station);
    const toPeers: readonly PeerRatio[] = [];
    return {
      ...common,
      status: 'measured',
      description: station.description,
      nsPerElement,
      gigabytesPerSecond: bytesMoved.triad / nsPerElement.median,
      toLimit: limit === undefined ? null : nsPerElement.median / limit.nsPerElement.median,
      toPeers,
      peakMemoryBytes,
      ...judged,
    } satisfies MeasuredRow;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1));

function keep(entry: Entry, outcome: Outcome): void {
  if ('samples' in outcome) entry.samples = outcome.samples;
  else entry.reason = messageOf(outcome.error);
}

const sameContestant = (a: Participant['key'], b: Participant['key']): boolean =>
  a.contestant === b.contestant && a.role === b.role && a.threads === b.threads;

const sameLimit = (a: Limit, b: Limit): boolean =>
  a.kernel === b.kernel && a.device === b.device && a.threads === b.threads;

/**
 * Measures every workload on every participant. What cannot run is a row with its reason.
 *
 * @throws {OptionError} for a workload that is none
 * @throws the signal's reason where the run was ended
 */
export function runBenchmark(options: RunOptions): Promise<Findings> {
  return new Run(options).all();
}
