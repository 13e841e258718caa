/** Workers that share the memory, and the jobs that are divided among them and the calling thread. */
import { BackendUnavailableError, DeviceError, DisposedError } from '@softxent/core';
import { control } from './control.js';

/** A kernel's exported function. */
export type RunBlocks = (args: number, scratch: number, from: number, to: number) => void;

/** What a job is. */
export interface Job {
  readonly kernel: number;
  readonly run: RunBlocks;
  readonly args: number;
  readonly scratch: number;
  /** Bytes from one thread's scratch memory to the next one's. */
  readonly scratchBytes: number;
  readonly blocks: number;
}

/** A worker of Node or of the web. */
interface Channel {
  post(message: object): void;
  /** Whether the process waits for the worker. */
  hold(isHeld: boolean): void;
  terminate(): void;
}

type Reply = { readonly type: 'started' } | { readonly type: 'pong'; readonly token: number };

/** Chunks that each thread takes, on average: few enough to cost nothing, many enough to end together. */
const chunksPerThread = 8;
const spinsBeforeSleep = 20000;

export class Pool {
  readonly #backend: string;
  readonly #words: Int32Array;
  readonly #channels: Channel[] = [];
  readonly #waiting = new Map<
    number,
    { readonly answer: () => void; readonly fail: (error: Error) => void }
  >();
  #token = 0;
  /** Conversations under way: workers stay with their messages until all are over. */
  #conversations = 0;
  #canSleep = true;

  private constructor(backend: string, words: Int32Array) {
    this.#backend = backend;
    this.#words = words;
  }

  /**
   * Starts workers.
   *
   * @throws {BackendUnavailableError} when a worker does not start
   */
  static async start(
    backend: string,
    memory: WebAssembly.Memory,
    controlAddress: number,
    workers: number,
  ): Promise<Pool> {
    const pool = new Pool(backend, new Int32Array(memory.buffer, controlAddress, control.words));
    const started = Array.from({ length: workers }, (_, i) => pool.#add(memory, controlAddress, i + 1));
    try {
      await Promise.all(started);
    } catch (error) {
      pool.dispose();
      throw new BackendUnavailableError(
        backend,
        `a worker did not start (${String(error)}); wasm({ threads: 1 }) needs none`,
        { cause: error },
      );
    }
    pool.#release();
    return pool;
  }

  /** Threads that compute: the workers and the caller. */
  get threads(): number {
    return this.#channels.length + 1;
  }

  /** Gives a kernel to all workers, and waits until they have it. */
  async addKernel(id: number, module: WebAssembly.Module): Promise<void> {
    await this.#converse([{ type: 'kernel', id, module }]);
  }

  /** Workers forget a kernel when they next read messages. */
  dropKernel(id: number): void {
    this.#post({ type: 'drop', id });
  }

  /** Runs all blocks of a job, on this thread too. */
  run(job: Job): void {
    const words = this.#words;
    const chunk = Math.max(1, Math.floor(job.blocks / (this.threads * chunksPerThread)));
    Atomics.store(words, control.kernel, job.kernel);
    Atomics.store(words, control.args, job.args);
    Atomics.store(words, control.scratch, job.scratch);
    Atomics.store(words, control.scratchBytes, job.scratchBytes);
    Atomics.store(words, control.blocks, job.blocks);
    Atomics.store(words, control.chunk, chunk);
    Atomics.store(words, control.next, 0);
    Atomics.store(words, control.failed, 0);
    Atomics.store(words, control.open, 1);
    this.#wake();
    try {
      for (;;) {
        const from = Atomics.add(words, control.next, chunk);
        if (from >= job.blocks) break;
        job.run(job.args, job.scratch, from, Math.min(from + chunk, job.blocks));
      }
    } finally {
      Atomics.store(words, control.open, 0);
      this.#waitForWorkers();
    }
    if (Atomics.load(words, control.failed) === 1) {
      throw new DeviceError(this.#backend, 'a kernel failed in a worker');
    }
  }

  /** Ends the workers. Who still waits for an answer of theirs gets a DisposedError. */
  dispose(): void {
    for (const channel of this.#channels) channel.terminate();
    this.#channels.length = 0;
    for (const { fail } of this.#waiting.values()) fail(new DisposedError('the WebAssembly device'));
    this.#waiting.clear();
  }

  #wake(): void {
    Atomics.add(this.#words, control.generation, 1);
    Atomics.notify(this.#words, control.generation);
  }

  #waitForWorkers(): void {
    const words = this.#words;
    for (let spin = 0; ; spin++) {
      const active = Atomics.load(words, control.active);
      if (active === 0) return;
      if (spin < spinsBeforeSleep || !this.#canSleep) continue;
      try {
        Atomics.wait(words, control.active, active, 1);
      } catch {
        // A page's main thread may not sleep.
        this.#canSleep = false;
      }
    }
  }

  /** Calls the workers out of their wait, sends messages, and lets them go back once they have read them. */
  async #converse(messages: readonly object[]): Promise<void> {
    if (this.#channels.length === 0) throw new DisposedError('the WebAssembly device');
    this.#conversations++;
    for (const channel of this.#channels) channel.hold(true);
    Atomics.store(this.#words, control.messages, 1);
    this.#wake();
    for (const message of messages) this.#post(message);
    const token = ++this.#token;
    const answered = new Promise<void>((resolve, reject) => {
      let missing = this.#channels.length;
      const answer = (): void => {
        if (--missing > 0) return;
        this.#waiting.delete(token);
        resolve();
      };
      this.#waiting.set(token, { answer, fail: reject });
    });
    this.#post({ type: 'ping', token });
    await answered;
    if (--this.#conversations === 0) this.#release();
  }

  /** Lets workers wait for jobs. From here on a pool that nobody disposed of does not keep the process alive. */
  #release(): void {
    Atomics.store(this.#words, control.messages, 0);
    this.#post({ type: 'work' });
    for (const channel of this.#channels) channel.hold(false);
  }

  #post(message: object): void {
    for (const channel of this.#channels) channel.post(message);
  }

  async #add(memory: WebAssembly.Memory, controlAddress: number, index: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onReply = (reply: Reply): void => {
        if (reply.type === 'started') resolve();
        else this.#waiting.get(reply.token)?.answer();
      };
      const channel = openChannel(onReply, reject);
      this.#channels.push(channel);
      channel.post({ type: 'start', memory, address: controlAddress, control, index });
    });
  }
}

function openChannel(onReply: (reply: Reply) => void, onError: (error: unknown) => void): Channel {
  const threads = typeof process === 'object' ? process.getBuiltinModule?.('node:worker_threads') : undefined;
  if (threads !== undefined) {
    const worker = new threads.Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
    worker.on('message', onReply);
    worker.on('error', onError);
    return {
      hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
      post: (message) => worker.postMessage(message),
      terminate: () => void worker.terminate(),
    };
  }
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }) => onReply(data as Reply));
  worker.addEventListener('error', (event) => onError(event.message || 'its script did not load'));
  return {
    hold() {},
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    post: (message) => worker.postMessage(message),
    terminate: () => worker.terminate(),
  };
}
