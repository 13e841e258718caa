import type { Batch, BatchSource } from './source.js';

/**
 * A source that reads ahead: while a batch is being used, the next ones are read and decoded. (Decoding runs in threads, also while
 * this thread computes; what remains for this thread is cropping.) An error comes out where its batch would have.
 * @param depth how many batches to read ahead.
 */
export function prefetch(source: BatchSource, depth = 1): BatchSource {
  const queue: Promise<Batch>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const refill = (): void => {
    while (queue.length < depth) {
      // One after the other: a source is not to be asked twice at once. After an error, nothing more is asked of it.
      const batch = last.then(() => source.next());
      last = batch;
      batch.catch(() => {}); // reported when this batch is asked for
      queue.push(batch);
    }
  };
  const next = async (): Promise<Batch> => {
    refill();
    const batch = await queue.shift()!;
    refill();
    return batch;
  };
  return {
    tops: source.tops,
    get length() {
      return source.length;
    },
    next,
    skip: async (batches) => {
      const queued = Math.min(batches, queue.length);
      for (let i = 0; i < queued; i++) await queue.shift();
      if (batches > queued) {
        await last;
        await source.skip(batches - queued);
      }
    },
    close: async () => {
      await last.catch(() => {});
      await source.close();
    },
  };
}
