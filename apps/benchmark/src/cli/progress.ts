/** Shows how far a run is: a bar on a terminal, a line for each workload elsewhere. */
import progress, { type SingleBar } from 'cli-progress';
import type { Progress } from '../measure/run.js';

/** Something to print to: a stream of the process, or a test's. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class ProgressBar {
  readonly #output: Output;
  readonly #bar: SingleBar | undefined;

  constructor(output: Output) {
    this.#output = output;
    if (output.isTTY !== true) return;
    this.#bar = new progress.SingleBar({
      format: '[{bar}] {percentage} %  {doing}',
      stream: output as NodeJS.WriteStream,
      barsize: 24,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      hideCursor: true,
      clearOnComplete: true,
      // Drawing takes time from what is measured.
      fps: 2,
    });
    this.#bar.start(1000, 0, { doing: '' });
  }

  show({ fraction, doing, rows }: Progress): void {
    if (this.#bar !== undefined) this.#bar.update(Math.round(1000 * fraction), { doing });
    else if (rows !== undefined) this.#output.write(`${Math.round(100 * fraction)} %  ${doing}\n`);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
