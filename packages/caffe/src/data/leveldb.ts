import { rmSync } from 'node:fs';
import { access, copyFile, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Iterator } from 'classic-level';
import { ClassicLevel } from 'classic-level';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import type { Store, StoreRow } from './store.js';

type Database = ClassicLevel<Buffer, Buffer>;
type Cursor = Iterator<Database, Buffer, Buffer>;

/** The deepest cause says what LevelDB found; the errors around it only that opening failed. */
function reason(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest instanceof Error ? deepest.message : String(deepest);
}

/**
 * A folder that LevelDB may write into, showing the same database: finished tables, which LevelDB never writes to, as links;
 * the small files that it replaces or appends to as copies.
 */
async function shadow(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'softxent-leveldb-'));
  try {
    for (const name of await readdir(source)) {
      const from = join(source, name);
      const to = join(folder, name);
      if (/^\d+\.(ldb|sst)$/.test(name)) {
        // Making links can be a privilege (on Windows): a copy shows the same.
        await symlink(resolve(from), to, 'file').catch(() => copyFile(from, to));
      } else if (/^(CURRENT|MANIFEST-\d+|\d+\.log)$/.test(name)) {
        await writeFile(to, await readFile(from));
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

async function checkFolder(path: string): Promise<void> {
  try {
    if (!(await stat(path)).isDirectory())
      throw new CaffeFileError(path, 'not a folder, expected a LevelDB database');
    await access(join(path, 'CURRENT'));
  } catch (cause) {
    if (cause instanceof CaffeFileError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new CaffeFileError(path, message, { cause });
    const inside = await stat(path).catch(() => undefined);
    throw new CaffeFileError(
      path,
      inside ? 'the folder holds no LevelDB database (no CURRENT)' : 'no such LevelDB database',
      { cause },
    );
  }
}

/**
 * Opens a LevelDB database for reading. LevelDB itself changes a database when it opens it (it replays the log, renews the
 * manifest, may compact), so it is given a temporary folder of links and copies; the database itself is not touched. The
 * folder goes when the store is closed or the process ends.
 * @throws CaffeFileError when there is no such database, CaffeFormatError (here, or later from `next`) when it is corrupt.
 */
export async function openLevelDb(path: string): Promise<Store> {
  await checkFolder(path);
  const folder = await shadow(path);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const release = async (): Promise<void> => {
    process.removeListener('exit', remove);
    await rm(folder, { recursive: true, force: true });
  };
  const database: Database = new ClassicLevel<Buffer, Buffer>(folder, {
    createIfMissing: false,
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  try {
    await database.open();
  } catch (cause) {
    await release();
    throw new CaffeFormatError(path, `corrupt LevelDB database: ${reason(cause)}`, { cause });
  }
  return new LevelDbStore(path, database, release);
}

class LevelDbStore implements Store {
  readonly path: string;
  readonly #database: Database;
  readonly #release: () => Promise<void>;
  #cursor: Cursor | undefined;

  constructor(path: string, database: Database, release: () => Promise<void>) {
    this.path = path;
    this.#database = database;
    this.#release = release;
  }

  async next(): Promise<StoreRow | undefined> {
    try {
      this.#cursor ??= this.#database.iterator();
      const entry = await this.#cursor.next();
      return entry && { key: entry[0], value: entry[1] };
    } catch (cause) {
      throw new CaffeFormatError(this.path, `corrupt LevelDB database: ${reason(cause)}`, { cause });
    }
  }

  async rewind(): Promise<void> {
    await this.#cursor?.close();
    this.#cursor = undefined;
  }

  async close(): Promise<void> {
    await this.rewind();
    await this.#database.close();
    await this.#release();
  }
}
