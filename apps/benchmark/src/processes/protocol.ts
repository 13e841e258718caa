/** How a run talks to a contestant in another process: one call, one answer. */
import type { Station } from '../measure/participant.js';

/** One end of a connection. */
export interface Port {
  send(message: unknown): void;
  onMessage(heard: (message: unknown) => void): void;
}

/** What can be asked for: to open a contestant, then what a station does. */
export type Method = 'open' | Exclude<keyof Station, 'description'>;

/** A question. Answers may come in another order. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** An answer: a result, or the message of what was thrown. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Answers calls: the end where the contestant is. */
export function serve(port: Port, open: (spec: unknown) => Promise<Station>): void {
  let station: Station | undefined;
  const answer = async ({ method, args }: Call): Promise<unknown> => {
    if (method === 'open') {
      station = await open(args[0]);
      return station.description;
    }
    if (station === undefined) throw new Error('nothing is open');
    const call = station[method] as (...given: readonly unknown[]) => Promise<unknown>;
    return call(...args);
  };
  port.onMessage((message) => {
    const call = message as Call;
    void answer(call).then(
      (result) => port.send({ id: call.id, result } satisfies Answer),
      (thrown: unknown) => port.send({ id: call.id, error: messageOf(thrown) } satisfies Answer),
    );
  });
}

/** Asks: the end where the run is. */
export class Caller {
  readonly #port: Port;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;
  #gone: string | undefined;

  constructor(port: Port) {
    this.#port = port;
    port.onMessage((message) => {
      const answer = message as Answer;
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.result);
    });
  }

  /** @throws what the other end threw, or that it is gone */
  call<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(new Error(this.#gone));
    const id = this.#next++;
    const waiting = withResolvers();
    this.#waiting.set(id, waiting);
    this.#port.send({ id, method, args } satisfies Call);
    return waiting.promise as Promise<T>;
  }

  /** The other end is gone: every call that waits, and every one to come, fails with this reason. */
  gone(reason: string): void {
    this.#gone ??= reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(this.#gone));
    this.#waiting.clear();
  }

  /** A station at the other end. `close` ends more than the station: the process. */
  async station(spec: unknown, close: () => Promise<void>): Promise<Station> {
    const description = await this.call<string>('open', spec);
    return {
      description,
      prepare: (...args) => this.call('prepare', ...args),
      sample: (...args) => this.call('sample', ...args),
      evaluate: (...args) => this.call('evaluate', ...args),
      peakMemory: () => this.call('peakMemory'),
      close: async () => {
        // It is ended whether or not its contestant can be closed in good order.
        await this.call('close').catch(() => undefined);
        this.gone('it was closed');
        await close();
      },
    };
  }
}

// Node 20 has no Promise.withResolvers.
interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

function withResolvers(): PromiseWithResolvers<unknown> {
  let resolve!: (value: unknown) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
