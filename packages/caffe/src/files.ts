import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CaffeFileError } from './errors.js';

/** How much is read or written at a time. */
const PIECE = 2 ** 26;

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EISDIR: 'is a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is not a directory',
  EROFS: 'the file system is read-only',
};

/** A file error in one line, whatever the operating system calls it. */
export function fileError(file: string, cause: unknown): CaffeFileError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const message = cause instanceof Error ? cause.message : String(cause);
  return new CaffeFileError(file, reasons[code] ?? message, { cause });
}

/** The size of a file in bytes. @throws CaffeFileError when there is none. */
export async function fileSize(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new CaffeFileError(file, 'is not a file');
    return found.size;
  } catch (cause) {
    throw cause instanceof CaffeFileError ? cause : fileError(file, cause);
  }
}

/** Reads a whole file. @throws CaffeFileError */
export async function readBytes(file: string): Promise<Uint8Array> {
  const size = await fileSize(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, PIECE), at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } catch (cause) {
    throw fileError(file, cause);
  } finally {
    await handle?.close();
  }
}

/** The first bytes of a file, fewer if it is shorter. @throws CaffeFileError */
export async function readStart(file: string, length: number): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const buffer = new Uint8Array(length);
    const { bytesRead } = await handle.read(buffer, 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw fileError(file, cause);
  } finally {
    await handle?.close();
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a path to write to leads to. */
async function targetOf(file: string): Promise<{ readonly path: string; readonly device: boolean }> {
  let found;
  try {
    found = await stat(file);
  } catch {
    // Nothing there; what else is wrong shows when it is written.
    return { path: file, device: false };
  }
  if (found.isDirectory()) throw new CaffeFileError(file, 'is a directory');
  if (!found.isFile()) return { path: file, device: true };
  // A link stays a link.
  return { path: await realpath(file), device: false };
}

/**
 * Replaces a file as a whole: `write` makes it under a temporary name in the same directory, then it is synced and renamed.
 * Whatever goes wrong (a full disk, a stop), the file is either as it was before or complete.
 * @throws CaffeFileError, where there is a folder or a device of that name, too, or what `write` throws; the temporary file is removed.
 */
export async function replaceFile(file: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const { path, device } = await targetOf(file);
  if (device) throw new CaffeFileError(file, 'is a device or a pipe, not a file to replace');
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await write(temporary);
    await sync(temporary);
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw (cause as NodeJS.ErrnoException).code !== undefined && 'syscall' in (cause as object)
      ? fileError(file, cause)
      : cause;
  }
  // The rename itself must reach the disk; file systems that cannot sync a directory do it on their own.
  await sync(dirname(path)).catch(() => undefined);
}

async function writeChunks(handle: FileHandle, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await handle.write(chunk, at, Math.min(chunk.length - at, PIECE));
      at += bytesWritten;
    }
  }
}

/** Writes bytes to a file through {@link replaceFile}; into a device or a pipe (`/dev/stdout`) directly. @throws CaffeFileError */
export async function writeBytes(file: string, chunks: Iterable<Uint8Array>): Promise<void> {
  if ((await targetOf(file)).device) {
    try {
      await using handle = await open(file, 'w');
      await writeChunks(handle, chunks);
    } catch (cause) {
      throw fileError(file, cause);
    }
    return;
  }
  await replaceFile(file, async (temporary) => {
    await using handle = await open(temporary, 'wx');
    await writeChunks(handle, chunks);
  });
}

/** Writes text to a file through {@link replaceFile}. @throws CaffeFileError */
export async function writeText(file: string, text: string): Promise<void> {
  await writeBytes(file, [new TextEncoder().encode(text)]);
}
