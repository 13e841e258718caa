// The rows that the stores were made with; the databases are those of standard LMDB 0.9 and of Caffe's own tools.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { parseDatum } from './datum.js';
import { openLevelDb } from './leveldb.js';
import { openLmdb } from './lmdb.js';
import type { Store } from './store.js';

const folder = fileURLToPath(new URL('../../fixtures/stores/', import.meta.url));

type Row = readonly [
  key: string,
  channels: number,
  height: number,
  width: number,
  label: number,
  kind: string,
  sha: string,
];

const { stores } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  stores: Record<string, { rows: Row[] }>;
};

async function open(path: string): Promise<Store> {
  return path.includes('leveldb') ? openLevelDb(path) : openLmdb(path);
}

async function readAll(store: Store): Promise<Row[]> {
  const rows: Row[] = [];
  for (let row = await store.next(); row; row = await store.next()) {
    const datum = parseDatum(row.value, store.path);
    const { channels, height, width, label, encoded, data, float_data: floats } = datum;
    const bytes =
      data.length > 0 ? data : new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    const sha = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const kind = encoded ? 'png' : data.length > 0 ? 'raw' : 'float';
    rows.push([Buffer.from(row.key).toString(), channels, height, width, label, kind, sha]);
  }
  return rows;
}

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'softxent-stores-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function copyOf(name: string): string {
  const target = mkdtempSync(join(scratch, `${name}-`));
  cpSync(join(folder, name), target, { recursive: true });
  return target;
}

function spoil(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(file);
  writeFileSync(file, change(bytes) ?? bytes);
}

describe.each(Object.entries(stores))('%s', (name, { rows }) => {
  test('holds the rows it was made with, in the order of the keys', async () => {
    const store = await open(join(folder, name));
    try {
      expect(await readAll(store)).toEqual(rows);
    } finally {
      await store.close();
    }
  });

  test('starts over after a rewind in the middle and at the end', async () => {
    const store = await open(join(folder, name));
    try {
      await store.next();
      await store.next();
      await store.rewind();
      expect((await readAll(store)).length).toBe(rows.length);
      expect(await store.next()).toBeUndefined();
      await store.rewind();
      expect(await readAll(store)).toEqual(rows);
    } finally {
      await store.close();
    }
  });

  test('is not changed by reading', async () => {
    const copy = copyOf(name);
    const state = (): unknown =>
      readdirSync(copy).map((file) => [
        file,
        readFileSync(join(copy, file), 'hex'),
        statSync(join(copy, file)).mtimeMs,
      ]);
    const before = state();
    const store = await open(copy);
    await readAll(store);
    await store.close();
    expect(state()).toEqual(before);
  });
});

test('an LMDB file may be named itself', async () => {
  const store = openLmdb(join(folder, 'lmdb-mixed', 'data.mdb'));
  expect((await readAll(store)).length).toBe(6);
  await store.close();
});

describe('what is no database is refused by name', () => {
  test.each([
    ['lmdb-none', /no such LMDB database/],
    ['leveldb-none', /no such LevelDB database/],
    ['images/leveldb-none', /no such LevelDB database/],
  ])('%s', async (name, message) => {
    await expect(open(join(folder, name))).rejects.toThrow(CaffeFileError);
    await expect(open(join(folder, name))).rejects.toThrow(message);
  });

  test('a folder without a database', async () => {
    expect(() => openLmdb(join(folder, 'images'))).toThrow(/holds no LMDB database \(no data.mdb\)/);
    await expect(openLevelDb(join(folder, 'images'))).rejects.toThrow(
      /holds no LevelDB database \(no CURRENT\)/,
    );
    await expect(openLevelDb(join(folder, 'mean.json'))).rejects.toThrow(/not a folder/);
  });

  test('another file', () => {
    expect(() => openLmdb(join(folder, 'expected.json'))).toThrow(/not an LMDB database/);
    expect(() => openLmdb(join(folder, 'list.txt'))).toThrow(/ends in the middle of its first meta page/);
  });
});

describe('a corrupt LMDB database is an error, whatever is wrong', () => {
  // Page 0 and 1 are the metas. Of lmdb-tree, the last meta tells the root; pages carry their number in their first bytes.
  async function readSpoiled(change: (bytes: Buffer) => Buffer | void): Promise<Row[]> {
    const copy = copyOf('lmdb-tree');
    spoil(join(copy, 'data.mdb'), change);
    const store = openLmdb(copy);
    try {
      return await readAll(store);
    } finally {
      await store.close();
    }
  }
  const pageSize = 4096;
  const newestMeta = (bytes: Buffer): number =>
    bytes.readUInt32LE(16 + 128) > bytes.readUInt32LE(pageSize + 16 + 128) ? 0 : pageSize;
  const root = (bytes: Buffer): number => bytes.readUInt32LE(newestMeta(bytes) + 16 + 112) * pageSize;

  test.each<[string, (bytes: Buffer) => Buffer | void, RegExp]>([
    [
      'truncated',
      (bytes) => bytes.subarray(0, 20 * pageSize),
      /the file ends in the middle of page|the value of key/,
    ],
    ['second meta', (bytes) => void bytes.writeUInt32LE(0, pageSize + 16), /meta page 1 lacks its mark/],
    ['version', (bytes) => void bytes.writeUInt32LE(2, 20), /data version 2, expected version 1/],
    ['page size', (bytes) => void bytes.writeUInt32LE(1000, 40), /page size of 1000/],
    [
      'root out of range',
      (bytes) => void bytes.writeUInt32LE(9999, newestMeta(bytes) + 128),
      /link to page 9999/,
    ],
    ['page number', (bytes) => void bytes.writeUInt32LE(7777, root(bytes)), /carries the number 7777/],
    ['page kind', (bytes) => void bytes.writeUInt16LE(2, root(bytes) + 10), /expected a branch page/],
    ['free space', (bytes) => void bytes.writeUInt16LE(5000, root(bytes) + 14), /free space as/],
    [
      'node offset',
      (bytes) => void bytes.writeUInt16LE(5000, root(bytes) + 16),
      /node 0 of page \d+ lies at 5000/,
    ],
    [
      'tree depth',
      (bytes) => void bytes.writeUInt16LE(3, newestMeta(bytes) + 16 + 78),
      /expected a branch page/,
    ],
    [
      'children in the wrong order',
      (bytes) => {
        const at = root(bytes);
        const first = bytes.readUInt16LE(at + 16);
        bytes.writeUInt16LE(bytes.readUInt16LE(at + 18), at + 16);
        bytes.writeUInt16LE(first, at + 18);
      },
      /comes after/,
    ],
    [
      'number of rows',
      (bytes) => void bytes.writeUInt32LE(300, newestMeta(bytes) + 16 + 104),
      /302 rows, .* says 300/,
    ],
    ['machine', (bytes) => void bytes.writeUInt32BE(0xbeefc0de, 16), /big-endian machine/],
  ])('%s', async (_what, change, message) => {
    const attempt = readSpoiled(change);
    await expect(attempt).rejects.toThrow(CaffeFormatError);
    await expect(attempt).rejects.toThrow(message);
  });

  test('no single spoiled byte of the pages goes beyond a clean error or other rows', async () => {
    const errors: unknown[] = [];
    // 200 bytes spread over the file: every outcome is rows (where the byte is data) or a CaffeFormatError.
    for (let i = 0; i < 200; i++) {
      const at = 16 + i * 997;
      const outcome = await readSpoiled((bytes) => void (bytes[at] = bytes[at]! ^ 0xff)).catch(
        (error: unknown) => error,
      );
      if (!Array.isArray(outcome)) errors.push(outcome);
    }
    expect(errors.length).toBeGreaterThan(10);
    expect(errors.filter((error) => !(error instanceof CaffeFormatError))).toEqual([]);
  });
});
