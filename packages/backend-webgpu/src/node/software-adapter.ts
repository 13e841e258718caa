/**
 * WebGPU in software, for tests on machines without a GPU, from npm alone: `@softxent/backend-webgpu/software-adapter`. What
 * is unpacked comes from `@sparticuz/chromium` (an optional peer dependency) and runs on Linux, x64.
 */
import { join, resolve } from 'node:path';
import process from 'node:process';
import { unpacked } from './archive.js';

/** Options of {@link softwareAdapter} and {@link headlessChromium}. */
export interface SoftwareAdapterOptions {
  /** Where files are unpacked, once; default `node_modules/.cache/softxent-webgpu` in the current folder. */
  readonly folder?: string;
}

/** Environment variables under which Node is to be started. */
export interface SoftwareAdapterEnvironment {
  /** Names the driver to the Vulkan loader. */
  readonly VK_ICD_FILENAMES: string;
  /** Where the Vulkan loader itself is found: read when a process starts, so setting it later has no effect there. */
  readonly LD_LIBRARY_PATH: string;
}

function folderOf({ folder }: SoftwareAdapterOptions, name: string): string {
  return join(resolve(folder ?? join('node_modules', '.cache', 'softxent-webgpu')), name);
}

function withLibraries(folder: string): string {
  const path = process.env['LD_LIBRARY_PATH'];
  return path ? `${folder}:${path}` : folder;
}

/**
 * The environment that makes Dawn (the `webgpu` package) find SwiftShader in a Node process that is started with it.
 *
 * @throws {BackendUnavailableError} where `@sparticuz/chromium` is missing, or the machine is not Linux on x64
 */
export function softwareAdapter(options: SoftwareAdapterOptions = {}): SoftwareAdapterEnvironment {
  const folder = unpacked(folderOf(options, 'swiftshader'), ['swiftshader.tar.br']);
  return {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: withLibraries(folder),
  };
}

/** How to start a browser: what playwright's and puppeteer's `launch` take. */
export interface BrowserLaunch {
  readonly executablePath: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

/**
 * A headless Chromium whose pages have WebGPU, on SwiftShader. It takes no system libraries beyond those of a bare Debian.
 *
 * @throws {BackendUnavailableError} where `@sparticuz/chromium` is missing, or the machine is not Linux on x64
 */
export function headlessChromium(options: SoftwareAdapterOptions = {}): BrowserLaunch {
  const folder = unpacked(folderOf(options, 'chromium'), [
    'chromium.br',
    'swiftshader.tar.br',
    'al2023.tar.br',
  ]);
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    executablePath: join(folder, 'chromium'),
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    env: { ...Object.fromEntries(inherited), LD_LIBRARY_PATH: withLibraries(folder) },
  };
}
