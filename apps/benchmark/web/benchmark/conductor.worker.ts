/** The thread that conducts a run, so that the page stays alive: it starts a worker for each contestant and judges what they give. */
import { runBenchmark, type Progress } from '../../src/measure/run.js';
import { catalogue } from './catalogue.js';
import { messageOf } from './calls.js';
import type { News, Order, Request } from './protocol.js';
import { inWorker } from './remote.js';
import { workloadsOf } from './workloads.js';

const tell = (news: News): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  postMessage(news);
};

const cancelled = new AbortController();

/** Who moves memory, to say what is possible: one thread, several where some contestant has them, and the GPU. */
function limitIds(contestants: readonly string[]): readonly string[] {
  const chosen = catalogue.filter(({ id }) => contestants.includes(id));
  return [
    'wasm',
    ...(chosen.some(({ threads }) => threads === 'many') ? ['wasm-n'] : []),
    ...(chosen.some(({ needs }) => needs !== undefined) ? ['webgpu'] : []),
  ];
}

async function run(request: Request): Promise<void> {
  const { contestants, threads, seed, rounds, secondsPerWorkload, memoryBytes } = request;
  try {
    const { noise } = await runBenchmark({
      workloads: workloadsOf(request),
      participants: contestants.map((id) => inWorker(id, threads)),
      limits: limitIds(contestants).map((id) => inWorker(id, threads)),
      seed,
      rounds,
      secondsPerWorkload,
      memoryBytes,
      opensAtOnce: 2,
      signal: cancelled.signal,
      onProgress: ({ fraction, doing, rows = [], limits = [] }: Progress) =>
        tell({ type: 'progress', fraction, doing, rows, limits }),
    });
    tell({ type: 'done', noise });
  } catch (error) {
    tell(cancelled.signal.aborted ? { type: 'cancelled' } : { type: 'failed', message: messageOf(error) });
  }
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  if (data.type === 'cancel') cancelled.abort();
  else void run(data.request);
});
