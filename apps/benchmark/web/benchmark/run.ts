/** A run, seen from the page. */
import { noiseOf } from '../../src/measure/noise.js';
import { reportVersion, type Limit, type Machine, type Report, type Row } from '../../src/model.js';
import type { News, Order, Request } from './protocol.js';

/** How a run stands. */
export type Stage =
  | { readonly kind: 'running'; readonly fraction: number; readonly doing: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly message: string };

/** What is told as a run goes on: the report so far, whenever rows have come. */
export interface Listener {
  stage(stage: Stage): void;
  report(report: Report): void;
}

/** How long a worker may take to end by itself. A call of a slow contestant has to come back first. */
const patienceMs = 3000;

/** A run under way. */
export class BenchmarkRun {
  readonly #worker: Worker;
  readonly #listener: Listener;
  readonly #request: Request;
  readonly #machine: Machine;
  #rows: readonly Row[] = [];
  #limits: readonly Limit[] = [];
  #isOver = false;

  /** Starts a run. */
  constructor(request: Request, machine: Machine, listener: Listener) {
    this.#request = request;
    this.#machine = { ...machine, date: new Date().toISOString() };
    this.#listener = listener;
    this.#worker = new Worker(new URL('./conductor.worker.ts', import.meta.url), {
      type: 'module',
      name: 'conductor',
    });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<News>) => this.#hear(data));
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#end({ kind: 'failed', message: event.message || 'a script of the page did not load' });
    });
    this.#order({ type: 'run', request });
  }

  /** Ends the run; what it has found stays. */
  cancel(): void {
    if (this.#isOver) return;
    this.#order({ type: 'cancel' });
    setTimeout(() => this.#end({ kind: 'cancelled' }), patienceMs);
  }

  #order(order: Order): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    this.#worker.postMessage(order);
  }

  #hear(news: News): void {
    switch (news.type) {
      case 'progress':
        if (news.rows.length > 0 || news.limits.length > 0) this.#add(news.rows, news.limits);
        this.#listener.stage({ kind: 'running', fraction: news.fraction, doing: news.doing });
        break;
      case 'done':
        this.#end({ kind: 'done' });
        break;
      case 'cancelled':
        this.#end({ kind: 'cancelled' });
        break;
      case 'failed':
        this.#end({ kind: 'failed', message: news.message });
        break;
    }
  }

  #add(rows: readonly Row[], limits: readonly Limit[]): void {
    this.#rows = [...this.#rows, ...rows];
    this.#limits = [...this.#limits, ...limits];
    const { seed, rounds, secondsPerWorkload } = this.#request;
    this.#listener.report({
      format: 'softxent-bench',
      version: reportVersion,
      machine: this.#machine,
      settings: { seed, rounds, secondsPerWorkload, isolation: 'workers' },
      limits: this.#limits,
      rows: this.#rows,
      noise: noiseOf(this.#rows, this.#limits, null),
    });
  }

  #end(stage: Stage): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#worker.terminate();
    this.#listener.stage(stage);
  }
}
