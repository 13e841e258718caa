import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { ByteReader } from './leveldb/bytes.js';
import type { Entry } from './leveldb/entry.js';
import { batchEntries, compareEntries } from './leveldb/entry.js';
import { logRecords } from './leveldb/log.js';
import type { Manifest, TableFile } from './leveldb/manifest.js';
import { parseManifest } from './leveldb/manifest.js';
import { Table } from './leveldb/table.js';
import type { Store, StoreRow } from './store.js';

/** Names the file in what is found wrong with its bytes. */
function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw new CaffeFormatError(file, `corrupt LevelDB database: the file ${cause.message}`, { cause });
    }
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new CaffeFormatError(file, 'corrupt LevelDB database: the file is missing', { cause });
    if (code !== undefined) throw new CaffeFileError(file, message, { cause });
    throw cause;
  }
}

function checkFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new CaffeFileError(path, 'no such LevelDB database');
  if (!found.isDirectory()) throw new CaffeFileError(path, 'not a folder, expected a LevelDB database');
  if (!statSync(join(path, 'CURRENT'), { throwIfNoEntry: false })) {
    throw new CaffeFileError(path, 'the folder holds no LevelDB database (no CURRENT)');
  }
}

function readManifest(path: string): Manifest {
  const current = join(path, 'CURRENT');
  const [, name] = /^(MANIFEST-\d+)\n$/.exec(within(current, () => readFileSync(current, 'latin1'))) ?? [];
  if (name === undefined)
    throw new CaffeFormatError(current, 'corrupt LevelDB database: expected the name of a MANIFEST');
  const file = join(path, name);
  return within(file, () => parseManifest(readFileSync(file)));
}

/** What is in the logs only: the last rows that were written. In order, as in a table. */
function readLogs(path: string, { firstLog, previousLog }: Manifest): Entry[] {
  const numbers = readdirSync(path)
    .flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
    .filter((digits) => Number(digits) >= firstLog || (previousLog > 0 && Number(digits) === previousLog));
  if (firstLog > 0 && !numbers.some((digits) => Number(digits) === firstLog)) {
    const digits = String(firstLog).padStart(6, '0');
    throw new CaffeFormatError(
      join(path, `${digits}.log`),
      'corrupt LevelDB database: the file is missing (the rows that were written last may be in it)',
    );
  }
  const entries: Entry[] = [];
  for (const digits of numbers.toSorted((a, b) => Number(a) - Number(b))) {
    const file = join(path, `${digits}.log`);
    within(file, () => {
      for (const record of logRecords(readFileSync(file))) {
        for (const entry of batchEntries(new ByteReader(record))) entries.push(entry);
      }
    });
  }
  return entries.toSorted(compareEntries);
}

/** An open table, and its file's name for errors. */
interface OpenTable {
  readonly file: string;
  readonly table: Table;
}

function openTable(path: string, { number, size }: TableFile): OpenTable {
  const digits = String(number).padStart(6, '0');
  // Tables were named .sst before LevelDB 1.14.
  const old = join(path, `${digits}.sst`);
  const file = statSync(old, { throwIfNoEntry: false }) ? old : join(path, `${digits}.ldb`);
  return { file, table: within(file, () => new Table(file, size)) };
}

function* entriesOf(tables: readonly OpenTable[]): Generator<Entry> {
  for (const { file, table } of tables) {
    const entries = table.entries();
    for (;;) {
      const { value, done } = within(file, () => entries.next());
      if (done) break;
      yield value;
    }
  }
}

/** The newest version of every key that is not deleted, in the order of the keys, from runs that are each in order. */
function* merge(runs: readonly Iterator<Entry>[]): Generator<StoreRow> {
  const heads = runs.map((run) => ({ run, entry: run.next().value as Entry | undefined }));
  let last: Buffer | undefined;
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.entry && (!least || compareEntries(head.entry, least.entry!) < 0)) least = head;
    }
    if (!least) return;
    const { key, value } = least.entry!;
    least.entry = least.run.next().value as Entry | undefined;
    if (last && last.equals(key)) continue;
    last = key;
    if (value) yield { key, value };
  }
}

/**
 * Opens a LevelDB database for reading: tables, plain or packed with Snappy, and the logs that are not in tables yet. Nothing is
 * written, not even a lock: do not read while something writes to the database.
 *
 * (LevelDB itself replays logs and compacts tables whenever it opens a database, and skips corrupt logs and does not look at
 * the checksums of tables when it reads; here every checksum is verified.)
 * @throws CaffeFileError when there is no such database, CaffeFormatError (here, or later from `next`) when it is corrupt.
 */
export async function openLevelDb(path: string): Promise<Store> {
  checkFolder(path);
  return Promise.resolve(new LevelDbStore(path));
}

class LevelDbStore implements Store {
  readonly path: string;
  readonly #logged: readonly Entry[];
  readonly #levels: OpenTable[][] = [];
  #rows: Generator<StoreRow> | undefined;

  constructor(path: string) {
    this.path = path;
    const manifest = readManifest(path);
    this.#logged = readLogs(path, manifest);
    try {
      for (const level of manifest.levels) {
        const tables: OpenTable[] = [];
        this.#levels.push(tables);
        for (const file of level) tables.push(openTable(path, file));
      }
    } catch (error) {
      this.#closeTables();
      throw error;
    }
  }

  next(): Promise<StoreRow | undefined> {
    try {
      this.#rows ??= merge(this.#runs());
      const { value, done } = this.#rows.next();
      return Promise.resolve(done ? undefined : value);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  rewind(): Promise<void> {
    this.#rows = undefined;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closeTables();
    return Promise.resolve();
  }

  /** Runs of entries that are in order: the logs, every table of level 0, every other level as a whole. */
  #runs(): Iterator<Entry>[] {
    const [overlapping = [], ...ordered] = this.#levels;
    return [
      this.#logged.values(),
      ...overlapping.map((table) => entriesOf([table])),
      ...ordered.map((tables) => entriesOf(tables)),
    ];
  }

  #closeTables(): void {
    for (const { table } of this.#levels.flat()) table.close();
  }
}
