import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeWhole } from './files.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-demo-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('writeWhole', () => {
  it('replaces a file and leaves nothing else behind', async () => {
    const path = join(folder, 'a.bin');
    await writeFile(path, 'old and longer');
    await writeWhole(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['a.bin']);
  });

  it('leaves nothing behind when the name is taken by a folder', async () => {
    const inside = join(folder, 'taken');
    await mkdir(join(inside, 'picture.png'), { recursive: true });
    await expect(writeWhole(join(inside, 'picture.png'), Uint8Array.of(1))).rejects.toThrow('EISDIR');
    expect(await readdir(inside)).toEqual(['picture.png']);
  });
});
