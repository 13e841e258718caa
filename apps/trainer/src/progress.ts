import type { TrainingEvent } from '@softxent/caffe';
import type { SingleBar } from 'cli-progress';
import progress from 'cli-progress';
import { linesOf } from './lines.js';
import type { Output } from './surroundings.js';
import { short } from './surroundings.js';

/** Iterations over which the speed is averaged. */
const WINDOW = 50;

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, minutes, rest] = parts.map((part) => String(part).padStart(2, '0'));
  return `${hours}:${minutes}:${rest}`;
}

/** Shows a run: on a terminal lines above a bar with speed, loss and time left, elsewhere lines alone. */
export class Progress {
  readonly #output: Output;
  #bar: SingleBar | undefined;
  readonly #times: number[] = [];
  #last = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Starts the bar, where there is a terminal to draw it on. */
  start(from: number, to: number): void {
    if (this.#output.isTTY !== true || to <= from) return;
    this.#last = to;
    this.#bar = new progress.SingleBar({
      format: '[{bar}] {value}/{total}  loss {loss}  {speed} it/s  left {left}',
      stream: this.#output as NodeJS.WriteStream,
      barsize: 24,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      hideCursor: true,
      clearOnComplete: true,
      // Redrawn when there is something new, not by a timer: iterations hold the event loop.
      noTTYOutput: false,
      fps: 4,
    });
    this.#bar.start(to, from, { loss: '-', speed: '-', left: '-' });
  }

  /** Prints an event's lines and moves the bar. */
  show(event: TrainingEvent): void {
    for (const text of linesOf(event)) this.line(text);
    if (event.type !== 'iteration' || !this.#bar) return;
    this.#times.push(event.milliseconds);
    if (this.#times.length > WINDOW) this.#times.shift();
    const each = this.#times.reduce((sum, time) => sum + time, 0) / this.#times.length;
    const done = event.iteration + 1;
    this.#bar.update(done, {
      loss: short(event.smoothedLoss),
      speed: (1000 / each).toPrecision(3),
      left: clock(((this.#last - done) * each) / 1000),
    });
  }

  /** A line, above the bar where there is one. */
  line(text: string): void {
    if (this.#bar) this.#output.write('\r\u001B[K');
    this.#output.write(`${text}\n`);
    this.#bar?.render();
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
