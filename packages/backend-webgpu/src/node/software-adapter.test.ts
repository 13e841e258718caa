import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { BackendUnavailableError } from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpacked } from './archive.js';
import { headlessChromium, softwareAdapter } from './software-adapter.js';

const isSupported = process.platform === 'linux' && process.arch === 'x64';

describe.skipIf(!isSupported)('the software adapter (skipped where the machine is not Linux on x64)', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'softxent-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is unpacked whole, and once', () => {
    const { VK_ICD_FILENAMES: driver } = softwareAdapter({ folder });
    expect(readdirSync(dirname(driver))).toContain('libvk_swiftshader.so');
    expect(readdirSync(folder)).toEqual(['swiftshader']);
    const made = statSync(driver).ino;
    expect(statSync(softwareAdapter({ folder }).VK_ICD_FILENAMES).ino).toBe(made);
  });

  it('keeps the library path that is there', () => {
    const { LD_LIBRARY_PATH: path } = softwareAdapter({ folder });
    const before = process.env['LD_LIBRARY_PATH'];
    expect(path.endsWith(before === undefined || before === '' ? 'swiftshader' : `:${before}`)).toBe(true);
  });

  it('is what Node finds that is started with its environment', () => {
    const script = `
      const { create } = await import('webgpu');
      globalThis.gpu = create([]);
      const adapter = await globalThis.gpu.requestAdapter();
      console.log(adapter.info.architecture);
      process.exit(0);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, ...softwareAdapter({ folder }) },
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe('swiftshader');
  });

  it('leaves nothing behind where an archive is missing', () => {
    expect(() => unpacked(join(folder, 'other'), ['nothing.tar.br'])).toThrow(/nothing\.tar\.br/);
    expect(readdirSync(folder)).toEqual(['swiftshader']);
  });

  it('a browser comes with the libraries that it needs', () => {
    const { executablePath, env } = headlessChromium();
    const { stdout } = spawnSync(executablePath, ['--version'], { env, encoding: 'utf8' });
    expect(stdout).toMatch(/Chrom/);
    expect(readdirSync(dirname(executablePath))).toContain('libnss3.so');
  });
});

describe.skipIf(isSupported)('elsewhere (skipped on Linux on x64)', () => {
  it('says that it is not there', () => {
    expect(() => softwareAdapter()).toThrow(BackendUnavailableError);
  });
});

// These tests run in Node; those of a page run where vitest.config.ts has a browser for them.
const missing = process.env['SOFTXENT_BROWSER'] ? [] : ['conformance, elementary functions and sharing'];
it.skip.each(missing)('in Chromium: %s (skipped: no browser is used on this adapter or machine)', () =>
  expect.unreachable(),
);
