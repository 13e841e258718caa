import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { TrainingEvent } from '@softxent/caffe';
import { CommandError } from './surroundings.js';

/** Numbers that JSON does not have are written as text. */
const replacer = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** What goes into the log: the event, and for losses with a floor how far they are above it. */
function record(event: TrainingEvent): object {
  if (event.type === 'finetuning') {
    const { copied, ignored, untouched } = event.report;
    return { type: event.type, file: event.file, copied, ignored, untouched };
  }
  if ((event.type === 'iteration' || event.type === 'tested') && event.floor !== undefined) {
    return { ...event, excess: event.loss - event.floor };
  }
  return event;
}

/** A log of one JSON object a line, appended to line by line: what is there is whole, whenever the run ends. */
export class EventLog implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Opens a log; lines are added to what a file of that name holds. @throws CommandError */
  static async open(path: string): Promise<EventLog> {
    try {
      return new EventLog(await open(path, 'a'), path);
    } catch (cause) {
      throw new CommandError(`${path}: the log cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  /** @throws CommandError where the disk is full */
  async add(event: TrainingEvent): Promise<void> {
    try {
      await this.#file.appendFile(`${JSON.stringify(record(event), replacer)}\n`);
    } catch (cause) {
      throw new CommandError(`${this.#path}: the log cannot be written: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
