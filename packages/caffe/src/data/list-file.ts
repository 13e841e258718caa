import { readFile } from 'node:fs/promises';
import { CaffeFileError } from '../errors.js';
import { ListEntryError } from './errors.js';

/** One entry of a list file: its fields, and the line it stands on. */
export interface ListEntry {
  readonly line: number;
  readonly fields: readonly string[];
}

async function readLines(list: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(list, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CaffeFileError(list, missing ? 'no such list file' : (cause as Error).message, { cause });
  }
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.every((line) => line.trim() === '')) throw new CaffeFileError(list, 'the list is empty');
  return lines;
}

/**
 * Reads a list of `NAME LABEL` lines: the label is what follows the last space, so that names may hold spaces.
 * @throws CaffeFileError for a list that is missing or empty; ListEntryError for a line without a label, or with one that is not a
 * whole number (Caffe would silently cut it to one).
 */
export async function readLabelledList(list: string): Promise<ListEntry[]> {
  const lines = await readLines(list);
  return lines.map((text, index) => {
    const line = index + 1;
    const [, name, label] = /^(.*) (\S*)\s*$/.exec(text) ?? [];
    if (name === undefined || name.trim() === '' || label === undefined) {
      throw new ListEntryError(list, line, `found "${text}", expected a file name, a space and a label`);
    }
    if (!/^[+-]?\d+$/.test(label)) {
      throw new ListEntryError(list, line, `found label "${label}", expected a whole number`);
    }
    return { line, fields: [name, label] };
  });
}

/**
 * Reads a list of entries of `width` words each, separated by any white space.
 * @throws CaffeFileError for a list that is missing or empty; ListEntryError when the words do not come out even.
 */
export async function readWordList(list: string, width: number, expected: string): Promise<ListEntry[]> {
  const lines = await readLines(list);
  const words = lines.flatMap((text, index) =>
    text
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => ({ word, line: index + 1 })),
  );
  const entries: ListEntry[] = [];
  for (let i = 0; i < words.length; i += width) {
    const fields = words.slice(i, i + width).map(({ word }) => word);
    const { line } = words[i]!;
    if (fields.length < width) {
      throw new ListEntryError(list, line, `found "${fields.join(' ')}", expected ${expected}`);
    }
    entries.push({ line, fields });
  }
  return entries;
}
