import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CaffeFileError } from './errors.js';
import { readBytes, readStart, replaceFile, writeBytes, writeText } from './files.js';
import { makeHdf5 } from './hdf5/library.js';

const scratch = mkdtempSync(join(tmpdir(), 'softxent-files-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('writing files', () => {
  test('chunks stand one after the other', async () => {
    const file = join(scratch, 'a');
    await writeBytes(file, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    expect([...(await readBytes(file))]).toEqual([1, 2, 3]);
    expect([...(await readStart(file, 2))]).toEqual([1, 2]);
    expect([...(await readStart(file, 9))]).toEqual([1, 2, 3]);
  });

  test('an existing file is replaced', async () => {
    const file = join(scratch, 'b');
    writeFileSync(file, 'old');
    await writeText(file, 'nové');
    expect(readFileSync(file, 'utf8')).toBe('nové');
  });

  test('when writing fails, the file is as it was and nothing else is left', async () => {
    const folder = join(scratch, 'failing');
    mkdirSync(folder);
    const file = join(folder, 'c');
    writeFileSync(file, 'old');
    const failing = replaceFile(file, async (temporary) => {
      writeFileSync(temporary, 'half of the ne');
      await Promise.reject(new Error('stop'));
    });
    await expect(failing).rejects.toThrow('stop');
    expect(readdirSync(folder)).toEqual(['c']);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  test('a full disk is named, and the file is as it was', async () => {
    const file = join(scratch, 'd');
    writeFileSync(file, 'old');
    const full = replaceFile(file, async () => {
      await Promise.reject(Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC', syscall: 'write' }));
    });
    await expect(full).rejects.toThrow(`${file}: no space left on the disk`);
    await expect(full).rejects.toBeInstanceOf(CaffeFileError);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  test('a link stays a link to what is replaced', async () => {
    writeFileSync(join(scratch, 'target'), 'old');
    symlinkSync('target', join(scratch, 'link'));
    await writeText(join(scratch, 'link'), 'new');
    expect(lstatSync(join(scratch, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(scratch, 'target'), 'utf8')).toBe('new');
  });

  test('a directory is refused', async () => {
    await expect(writeText(scratch, 'x')).rejects.toThrow(`${scratch}: is a directory`);
  });

  test.skipIf(!existsSync('/dev/full'))(
    'a device is written to and never replaced (skipped where there is no /dev/full)',
    async () => {
      // A link of ours, so that a mistake here does not cost the device.
      const file = join(scratch, 'device');
      symlinkSync('/dev/full', file);
      await expect(writeText(file, 'x')).rejects.toThrow(`${file}: no space left on the disk`);
      await expect(makeHdf5(file, () => undefined)).rejects.toThrow(`${file}: is a device or a pipe`);
      expect(lstatSync(file).isSymbolicLink()).toBe(true);
      expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    },
  );

  test('a directory that does not exist is named', async () => {
    await expect(writeText(join(scratch, 'none', 'e'), 'x')).rejects.toThrow(
      /none\/e: no such file or directory/,
    );
    await expect(makeHdf5(join(scratch, 'none', 'e.h5'), () => undefined)).rejects.toThrow(
      /none\/e\.h5: cannot be written \(.*No such file/,
    );
    expect(existsSync(join(scratch, 'none'))).toBe(false);
  });
});
