/** Calls from one thread to another: a method's name and its arguments go there, its result or error comes back. */

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

/** Methods that another thread may call: all give promises. */
export type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).trim();
}

/** Answers the calls of the thread that started this worker. */
export function answerCalls(methods: Methods): void {
  addEventListener('message', ({ data }: MessageEvent<Call>) => {
    const { id, method, args } = data;
    const post = (answer: Answer): void => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
      postMessage(answer);
    };
    const called = methods[method] as ((...given: readonly unknown[]) => Promise<unknown>) | undefined;
    if (called === undefined) return post({ id, error: `no method ${method}` });
    called(...args).then(
      (result) => post({ id, result }),
      (error: unknown) => post({ id, error: messageOf(error) }),
    );
  });
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A worker whose methods can be called. */
export class Callable {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #dead: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message || 'the script of a worker did not load'));
    });
  }

  /** Calls a method there; rejects with its error, or when the worker ends. */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return new Promise<T>((resolve, reject) => {
      const id = this.#next++;
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      const call: Call = { id, method, args };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
      this.#worker.postMessage(call);
    });
  }

  /** Ends the worker at once. */
  terminate(): void {
    this.#worker.terminate();
    this.#fail(new Error('the worker was ended'));
  }

  #fail(error: Error): void {
    this.#dead = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
