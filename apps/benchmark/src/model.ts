/**
 * What a run of the benchmark found: the JSON that the command writes, that `--check` reads, and that the web page shows.
 * Everything here is plain data.
 */

/** Version of {@link Report}; a reader refuses any other. */
export const reportVersion = 1;

/** A whole run. */
export interface Report {
  readonly format: 'softxent-bench';
  readonly version: typeof reportVersion;
  readonly machine: Machine;
  readonly settings: Settings;
  /** What memory allows, for each workload and number of threads. */
  readonly limits: readonly Limit[];
  /** One for each workload and contestant, those that could not run among them. */
  readonly rows: readonly Row[];
  readonly noise: Noise;
}

/** Where and when. */
export interface Machine {
  /** Model of the processor; in a browser, which does not tell, its architecture or `unknown`. */
  readonly cpu: string;
  /** Logical cores that the run might use. */
  readonly cores: number;
  readonly memoryBytes: number | null;
  /** `node v20.20.2`, `chromium 147`. */
  readonly runtime: string;
  /** `linux x64`. */
  readonly platform: string;
  /** The GPU, where something computed on one. */
  readonly gpu: string | null;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** The command line; in a browser, the page. */
  readonly command: string;
}

/** How it was measured. */
export interface Settings {
  readonly seed: number;
  /** Rounds aimed at, and seconds after which a workload stops short of them. */
  readonly rounds: number;
  readonly secondsPerWorkload: number;
  /** Whether each contestant had a process of its own, or (in a browser) a worker of its own. */
  readonly isolation: 'processes' | 'workers' | 'none';
}

/** How samples lie: every sample is the mean cost of the calls in it. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  /** Number of samples. */
  readonly samples: number;
}

/**
 * A kernel that only moves memory: `copy` g = x (8 bytes an element), `triad` g = x + 2 t (12 bytes an element). It ran in the rounds of the
 * workload that the key names, on as many elements.
 */
export interface Limit extends WorkloadKey {
  readonly kernel: 'copy' | 'triad';
  /** The memory of the processor, or of the GPU. */
  readonly device: DeviceKind;
  /** Null for a GPU. */
  readonly threads: number | null;
  readonly nsPerElement: Spread;
  /** Bytes moved over the median time, in 1e9 bytes a second. */
  readonly gigabytesPerSecond: number;
}

export type DeviceKind = 'cpu' | 'gpu';

/**
 * How the tensors lie. `flat`: [n], losses over single elements. `channels-last`: [pixels, classes]. `nchw`: [1, classes, h, w],
 * with h x w = pixels.
 */
export type Layout = 'flat' | 'channels-last' | 'nchw';

/** What was to be computed: a loss on tensors of one size and layout. */
export interface WorkloadKey {
  /** The loss with the options that are not defaults: `sigmoidCrossEntropy`, `sigmoidCrossEntropy(posWeight 2)`. */
  readonly loss: string;
  readonly layout: Layout;
  readonly shape: readonly number[];
  /** Number of logits. */
  readonly elements: number;
  /** Number of classes or channels; null for losses over single elements. */
  readonly classes: number | null;
}

/** Who was to compute it. */
export interface ContestantKey {
  /** `wasm`, `onnx-cpu`, `tfjs-wasm`, `jax`, ...; unique together with role and threads. */
  readonly contestant: string;
  /** A backend of softxent, or something that people use in its place. */
  readonly role: 'backend' | 'peer';
  /** Threads that compute; null where the contestant decides. */
  readonly threads: number | null;
  readonly device: DeviceKind;
}

/** One workload on one contestant. */
export type Row = MeasuredRow | NotRunRow;

/** A row with numbers: value and gradient together, operands where the contestant keeps them. */
export interface MeasuredRow extends WorkloadKey, ContestantKey {
  readonly status: 'measured';
  /** What ran, in the contestant's own words. */
  readonly description: string;
  /** Nanoseconds for each logit. */
  readonly nsPerElement: Spread;
  /** Logits, targets and gradient (12 bytes an element) over the median time, in 1e9 bytes a second. */
  readonly gigabytesPerSecond: number;
  /** Cost over that of the triad in the same rounds, on the same device and as many threads; null where there is none. */
  readonly toLimit: number | null;
  /** Cost over that of each peer in the same run: below 1 is faster than the peer. Empty for peers. */
  readonly toPeers: readonly PeerRatio[];
  /** Peak resident memory beyond that of the idle contestant; null where it cannot be measured. */
  readonly peakMemoryBytes: number | null;
  /** Null where the reference has no formula, or computing the errors failed: `accuracyNote` says which. */
  readonly accuracy: Accuracy | null;
  readonly accuracyNote: string | null;
}

/** A row without numbers. */
export interface NotRunRow extends WorkloadKey, ContestantKey {
  readonly status: 'not-run';
  /** Why: not available here, not able to, too large, over the budget of time or memory. */
  readonly reason: string;
}

/** A row's cost over that of a peer with the same number of threads, or with the most that it has up to that. */
export interface PeerRatio {
  readonly peer: string;
  readonly threads: number | null;
  readonly ratio: number;
}

/** A distance in ulp; JSON has no Infinity. */
export type Ulp = number | 'infinite';

/**
 * Errors against the float64 reference in float32 ulp, at the magnitude of the largest term that makes a number up. Value and gradient
 * are of single elements (rows) on confident logits; the mean is the timed call's own.
 */
export interface Accuracy {
  readonly valueUlp: Ulp;
  readonly gradientUlp: Ulp;
  /** Number of logits that the two above were found on. */
  readonly elements: number;
  /** Relative error of the mean over all elements of the timed call; null where the reference would take too long. */
  readonly meanError: number | 'infinite' | null;
}

/** Whether the numbers can be trusted. */
export interface Noise {
  /** Median over all rows of (q3 - q1) / median. */
  readonly spread: number;
  /** Load of the machine before the run, in processes for each core; null where it is not told. */
  readonly loadBefore: number | null;
  /** What to tell the user; null where the machine was quiet. */
  readonly warning: string | null;
}
