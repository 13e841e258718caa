/** A run: every workload on every participant, in one report. */
import type {
  Accuracy,
  Limit,
  MeasuredRow,
  Noise,
  NotRunRow,
  PeerRatio,
  Row,
  WorkloadKey,
} from '../model.js';
import { accuracyWorkload, hasReference, Referee } from './accuracy.js';
import { interleave, type Outcome } from './interleave.js';
import { bytesMoved, limitSpec } from './limits.js';
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

/** One participant with what it is to compute: a workload or a limit kernel. */
interface Entry {
  readonly participant: Participant;
  readonly workload: Workload;
  readonly limit?: Limit['kernel'];
  station?: Station;
  value?: number;
  reason?: string;
  samples?: readonly number[];
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** `wasm, 2 threads`. */
export function participantName({ contestant, threads, role }: Participant['key']): string {
  const count = threads === null || threads === 1 ? '' : `, ${threads} threads`;
  return `${contestant}${role === 'peer' ? ' (peer)' : ''}${count}`;
}

/** `sigmoidCrossEntropy, flat, 1000000 elements`. */
export function workloadName({ loss, layout, elements, classes }: WorkloadKey): string {
  return `${loss}, ${layout}, ${elements} elements${classes === null ? '' : `, ${classes} classes`}`;
}

class Run {
  readonly #options: RunOptions;
  readonly #referee: Referee;
  readonly #accuracies = new Map<string, Omit<Accuracy, 'meanError'> | string>();
  /** Participants that do not open here, and why. */
  readonly #closed = new Map<Participant, string>();
  readonly #rows: Row[] = [];
  readonly #limits: Limit[] = [];
  #done = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#referee = new Referee(options.seed);
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
    for (const batch of this.#batches(entries)) {
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

  /** Kernels that move memory, for one batch. */
  #limitEntries(elements: number): Entry[] {
    const kernels: readonly Limit['kernel'][] = ['copy', 'triad'];
    return this.#options.limits.flatMap((participant) =>
      kernels.map((limit): Entry => ({
        participant,
        limit,
        workload: workloadOf(limitSpec(limit, elements)),
      })),
    );
  }

  /** As many at a time as the memory holds; what does not fit alone keeps its reason. */
  #batches(entries: readonly Entry[]): readonly (readonly Entry[])[] {
    const { memoryBytes = Infinity } = this.#options;
    const need = ({ participant, workload }: Entry): number =>
      participant.bytesPerElement * workload.key.elements;
    const [{ workload } = { workload: undefined }] = entries;
    const limitNeed = this.#limitEntries(workload?.key.elements ?? 0)
      .map(need)
      .reduce((sum, each) => sum + each, 0);
    const batches: Entry[][] = [[]];
    let used = limitNeed;
    for (const entry of entries) {
      const bytes = need(entry);
      if (limitNeed + bytes > memoryBytes) {
        entry.reason = `needs about ${gigabytes(limitNeed + bytes)} with the limits beside it; ${gigabytes(memoryBytes)} may be used`;
      }
      const isFull = used + bytes > memoryBytes && batches.at(-1)!.length > 0;
      if (entry.reason === undefined && isFull) {
        batches.push([]);
        used = limitNeed;
      }
      batches.at(-1)!.push(entry);
      if (entry.reason === undefined) used += bytes;
    }
    return batches;
  }

  async #batch(entries: readonly Entry[], workload: Workload): Promise<Pick<Findings, 'rows' | 'limits'>> {
    const all = [...this.#limitEntries(workload.key.elements), ...entries];
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
        const [s, limit] = [estimate, most].map((ms) => (ms / 1000).toPrecision(2));
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
    const { ms } = await station.sample(2, true);
    return ((ms / 2) * key.elements) / few;
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
        warmMs: 40,
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
    const judged = await this.#judge(entry, station);
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

  async #judge(
    { participant, workload, value }: Entry,
    station: Station,
  ): Promise<Pick<MeasuredRow, 'accuracy' | 'accuracyNote'>> {
    if (!hasReference(workload)) {
      return { accuracy: null, accuracyNote: 'the reference has no formula for this loss' };
    }
    const sample = accuracyWorkload(workload);
    const { contestant, role, threads } = participant.key;
    const cacheKey = JSON.stringify([contestant, role, threads, sample.spec]);
    let errors = this.#accuracies.get(cacheKey);
    if (errors === undefined) {
      try {
        const got = await station.evaluate(sample.spec, this.#options.seed);
        errors = this.#referee.judge(workload, got);
      } catch (thrown) {
        errors = `computing the errors failed: ${messageOf(thrown)}`;
      }
      this.#accuracies.set(cacheKey, errors);
    }
    if (typeof errors === 'string') return { accuracy: null, accuracyNote: errors };
    const meanError = value === undefined ? null : this.#referee.meanError(workload, value);
    return { accuracy: { ...errors, meanError }, accuracyNote: null };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1));

function keep(entry: Entry, outcome: Outcome): void {
  if ('samples' in outcome) entry.samples = outcome.samples;
  else entry.reason = messageOf(outcome.error);
}

function limitOf({ limit, participant, samples }: Entry, key: WorkloadKey): Limit[] {
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

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;

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
