/** Takes samples of all participants in turn, so that what disturbs the machine disturbs all of them. */

/** Something to be timed. */
export interface Timed {
  /** Milliseconds that `calls` calls took, after an untimed one where `warm`. */
  sample(calls: number, warm: boolean): Promise<number>;
}

/** How long to go on. */
export interface Pace {
  readonly rounds: number;
  /** Rounds that each takes part in whatever they cost. */
  readonly leastRounds: number;
  /** Seconds of all together; each may spend its share on further rounds. */
  readonly seconds: number;
  /** Calls are repeated within a sample until it takes about as long. */
  readonly sampleMs: number;
  /** Time to get warm: compilers, caches, clocks of the processor. */
  readonly warmMs: number;
  /** Lets idle threads of the one before go to sleep. */
  readonly pause: () => Promise<void>;
  /** After every sample; may throw to end it. */
  readonly onRound?: (done: number, rounds: number) => void;
}

/** Milliseconds of single calls, one for each sample; or what was thrown. */
export type Outcome = { readonly samples: readonly number[] } | { readonly error: unknown };

interface Runner {
  readonly timed: Timed;
  readonly samples: number[];
  calls: number;
  /** Milliseconds of the last single call. */
  last: number;
  /** Milliseconds spent so far. */
  spent: number;
  error?: { readonly thrown: unknown };
}

const mostCalls = 10_000;
// A call that takes longer than this has nothing to warm up between samples.
const longCallMs = 20;

async function warmUp(runner: Runner, { warmMs, sampleMs }: Pace): Promise<void> {
  let spent = 0;
  for (let calls = 1; spent < warmMs; calls = Math.min(2 * calls, mostCalls)) {
    // Samples follow one another by design.
    // oxlint-disable-next-line no-await-in-loop
    const ms = await runner.timed.sample(calls, false);
    spent += ms;
    runner.last = ms / calls;
    // A clock that stands still, or ticks coarsely, would keep this going for ever.
    if (calls === mostCalls) break;
  }
  runner.calls = Math.max(1, Math.min(mostCalls, Math.round(sampleMs / Math.max(runner.last, 1e-6))));
}

async function guarded(runner: Runner, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    runner.error = { thrown };
  }
}

async function takeOne(runner: Runner, { pause }: Pace): Promise<void> {
  await pause();
  const { calls, timed } = runner;
  const isLong = runner.last > longCallMs;
  const ms = await timed.sample(calls, !isLong);
  runner.last = ms / calls;
  runner.spent += ms + (isLong ? 0 : runner.last);
  runner.samples.push(runner.last);
}

/**
 * Samples everything in rounds, each round beginning with another one, so that nobody always follows the same neighbour. Each has
 * the same share of the time; one that has spent it is left out of further rounds, after `leastRounds` of them.
 */
export async function interleave(all: readonly Timed[], pace: Pace): Promise<readonly Outcome[]> {
  const runners = all.map((timed): Runner => ({ timed, samples: [], calls: 1, last: 0, spent: 0 }));
  for (const runner of runners) {
    // oxlint-disable-next-line no-await-in-loop
    await guarded(runner, () => warmUp(runner, pace));
  }
  const { rounds, leastRounds, seconds } = pace;
  const share = (1000 * seconds) / Math.max(1, runners.length);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[(i + round) % runners.length]!;
      const hasHadItsShare = runner.spent > share && runner.samples.length >= leastRounds;
      if (runner.error !== undefined || hasHadItsShare) continue;
      // oxlint-disable-next-line no-await-in-loop
      await guarded(runner, () => takeOne(runner, pace));
    }
    pace.onRound?.(round + 1, rounds);
  }
  return runners.map(({ samples, error }) => (error === undefined ? { samples } : { error: error.thrown }));
}
