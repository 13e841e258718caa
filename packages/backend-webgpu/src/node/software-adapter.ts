/**
 * A software WebGPU adapter (SwiftShader) for Node on Linux, from npm alone: for tests on machines without a GPU. Start
 * Node with the environment that it returns, and Dawn (the `webgpu` package) finds the adapter.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { brotliDecompressSync } from 'node:zlib';
import { BackendUnavailableError } from '@softxent/core';

/** Options of {@link softwareAdapter}. */
export interface SoftwareAdapterOptions {
  /** Where the driver is unpacked, once; default `node_modules/.cache/softxent-swiftshader` in the current folder. */
  readonly folder?: string;
}

/** Environment variables under which Node is to be started. */
export interface SoftwareAdapterEnvironment {
  /** Names the driver to the Vulkan loader. */
  readonly VK_ICD_FILENAMES: string;
  /** Where the Vulkan loader itself is found: read when a process starts, so setting it later has no effect there. */
  readonly LD_LIBRARY_PATH: string;
}

const packageName = '@sparticuz/chromium';

/**
 * Unpacks SwiftShader from `@sparticuz/chromium` (an optional peer dependency) and returns the environment that makes
 * Dawn use it.
 *
 * @throws {BackendUnavailableError} where that package is missing, or the machine is not Linux on x64
 */
export function softwareAdapter(options: SoftwareAdapterOptions = {}): SoftwareAdapterEnvironment {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BackendUnavailableError(
      'webgpu',
      `${packageName} carries SwiftShader for linux-x64, this is ${process.platform}-${process.arch}`,
    );
  }
  const folder = resolve(options.folder ?? join('node_modules', '.cache', 'softxent-swiftshader'));
  const driver = join(folder, 'vk_swiftshader_icd.json');
  if (!existsSync(driver)) unpack(archivePath(), folder);
  const path = process.env['LD_LIBRARY_PATH'];
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: path ? `${folder}:${path}` : folder };
}

function archivePath(): string {
  try {
    const main = createRequire(import.meta.url).resolve(packageName);
    // build/cjs/index.cjs of the package.
    return join(dirname(main), '..', '..', 'bin', 'swiftshader.tar.br');
  } catch (error) {
    throw new BackendUnavailableError(
      'webgpu',
      `${packageName} is not installed: npm install ${packageName}`,
      {
        cause: error,
      },
    );
  }
}

/** All or nothing: files appear under their final name when they are complete. */
function unpack(archive: string, folder: string): void {
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  for (const { name, data } of filesOfTar(brotliDecompressSync(readFileSync(archive)))) {
    writeFileSync(join(temporary, name), data, { mode: 0o755 });
  }
  try {
    renameSync(temporary, folder);
  } catch (error) {
    // Another process was faster.
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(join(folder, 'vk_swiftshader_icd.json'))) throw error;
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
