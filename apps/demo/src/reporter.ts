/** Output as it goes: lines, and under them a progress bar where there is a terminal. */
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** A stream of text, as process.stdout is one. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** Prints lines and shows how far a task is. */
export class Reporter {
  readonly #output: Output;
  #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Prints a line, above the bar where there is one. */
  line(text = ''): void {
    if (this.#bars === undefined) this.#output.write(`${text}\n`);
    else this.#bars.log(`${text}\n`);
  }

  /** Starts the bar; without a terminal there is none. */
  start(total: number): void {
    if (this.#output.isTTY !== true) return;
    // With line wrapping as it is and the cursor shown, an interrupted run leaves the terminal as it was.
    const options = {
      stream: this.#output,
      format: '{bar} {percentage} % | step {value} of {total} | gap {gap} | {eta_formatted} left',
      barsize: 24,
      linewrap: true,
      emptyOnZero: true,
    };
    this.#bars = new MultiBar(options, Presets.shades_classic);
    this.#bar = this.#bars.create(total, 0, { gap: '-' });
  }

  /** Moves the bar. */
  update(value: number, gap: number): void {
    this.#bar?.update(value, { gap: gap.toFixed(4) });
  }

  /** Ends the bar, so that lines follow it. */
  stop(): void {
    // stop() drops lines that wait to be printed.
    this.#bars?.update();
    this.#bars?.stop();
    this.#bars = undefined;
    this.#bar = undefined;
  }
}
