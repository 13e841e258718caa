/**
 * Words of the control block that the host and its workers share (indices into an Int32Array). A job is open while
 * `open` is not 0; a worker counts itself `active` before it looks, so that the host, once it has closed the job and
 * sees nobody active, may write the next one.
 */
export const control = {
  /** Counts wake-ups: workers sleep on it. */
  generation: 0,
  /** 1 while a job may be joined. */
  open: 1,
  /** Workers that are looking at the job. */
  active: 2,
  /** Next block to take. */
  next: 3,
  blocks: 4,
  /** Blocks taken at a time. */
  chunk: 5,
  kernel: 6,
  args: 7,
  /** Address of the first thread's scratch memory, and the distance to the next one's. */
  scratch: 8,
  scratchBytes: 9,
  /** 1 after a worker's kernel failed. */
  failed: 10,
  /** 1 while workers are to go back to their event loops and read messages. */
  messages: 11,
  words: 16,
} as const;

/** The indices, as a worker is given them. */
export type Control = Readonly<Record<keyof typeof control, number>>;
