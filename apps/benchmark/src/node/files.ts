/** Reports on disk. */
import {
  access,
  constants,
  open,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { FileError } from '../errors.js';

const reasonOf = (cause: unknown): string => {
  const { code, message } = cause as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    ENOENT: 'no such file or directory',
    ENOSPC: 'no space left on the disk',
    EROFS: 'the file system is read-only',
  };
  return known[code ?? ''] ?? message;
};

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw cause;
  }
}

/**
 * To a temporary name, synced, then renamed: a reader never sees half a file. A device or a pipe is written to, a link stays one.
 *
 * @throws {FileError}
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === false) await writeFile(path, text);
    else await replace(found ? await realpath(path) : path, text);
  } catch (cause) {
    throw new FileError(path, `cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Whether a file can be made there: asked before a long run, not after it.
 *
 * @throws {FileError}
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) {
      throw Object.assign(new Error(), { code: 'EISDIR' });
    }
  } catch (cause) {
    throw new FileError(path, `cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws {FileError} */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FileError(path, `cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
