import { statSync } from 'node:fs';
import { ListEntryError } from './errors.js';

/** A file that a list names. */
export interface ListedFile {
  readonly line: number;
  readonly file: string;
}

/**
 * Looks whether every listed file exists, so that training does not stop at the first missing one after hours.
 * @throws ListEntryError that names the first missing file and says how many are missing.
 */
export function checkListedFiles(list: string, files: readonly ListedFile[]): void {
  const missing = files.filter(({ file }) => !statSync(file, { throwIfNoEntry: false })?.isFile());
  const [first] = missing;
  if (!first) return;
  const more =
    missing.length > 1 ? ` (and ${missing.length - 1} more of the ${files.length} files listed)` : '';
  throw new ListEntryError(list, first.line, `no such file: ${first.file}${more}`);
}

/** Keeps what was decoded, until a budget is spent; what comes later is decoded anew every time. */
export class DecodedCache<T> {
  readonly #budget: number;
  readonly #sizeOf: (item: T) => number;
  readonly #items = new Map<number, T>();
  #used = 0;

  /** @param budget bytes. */
  constructor(budget: number, sizeOf: (item: T) => number) {
    this.#budget = budget;
    this.#sizeOf = sizeOf;
  }

  /** The item, from the cache or from `load`. */
  async get(index: number, load: () => Promise<T>): Promise<T> {
    const held = this.#items.get(index);
    if (held !== undefined) return held;
    const item = await load();
    const size = this.#sizeOf(item);
    if (!this.#items.has(index) && this.#used + size <= this.#budget) {
      this.#items.set(index, item);
      this.#used += size;
    }
    return item;
  }
}
