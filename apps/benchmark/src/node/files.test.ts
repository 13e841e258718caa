import { lstat, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileError } from '../errors.js';
import { writeWhole } from './files.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-bench-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a report replaces the one before it and leaves nothing else behind', async () => {
  for (const text of ['first', 'second']) await writeWhole(join(folder, 'report.json'), text);
  expect(await readFile(join(folder, 'report.json'), 'utf8')).toBe('second');
  expect(await readdir(folder)).toEqual(['report.json']);
});

test.skipIf(process.platform === 'win32')(
  'a link and a device are written through, not replaced',
  async () => {
    await writeWhole(join(folder, 'report.json'), 'first');
    await symlink('report.json', join(folder, 'link'));
    await symlink('/dev/null', join(folder, 'device'));
    for (const name of ['link', 'device']) {
      await writeWhole(join(folder, name), 'second');
      expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true);
    }
    expect(await readFile(join(folder, 'report.json'), 'utf8')).toBe('second');
  },
);

test('a folder of that name, or no folder to write to, is an error that names the path', async () => {
  await expect(writeWhole(folder, 'text')).rejects.toThrow(FileError);
  await expect(writeWhole(join(folder, 'none', 'report.json'), 'text')).rejects.toThrow(
    'no such file or directory',
  );
});
