// LevelDB itself (through classic-level) writes the databases that our reader is held against here.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { Random } from '../fillers/random.js';
import { crc32c } from './leveldb/crc32c.js';
import { unpackSnappy } from './leveldb/snappy.js';
import { openLevelDb } from './leveldb.js';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'softxent-leveldb-test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Pairs = Map<string, string>;
type Database = ClassicLevel<string, Buffer>;

async function write(
  folder: string,
  work: (database: Database) => Promise<void>,
  compression = true,
): Promise<void> {
  const database: Database = new ClassicLevel(folder, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    compression,
    writeBufferSize: 64 * 1024,
  });
  await database.open();
  await work(database);
  await database.close();
}

async function read(folder: string): Promise<Pairs> {
  const store = await openLevelDb(folder);
  const pairs: Pairs = new Map();
  try {
    for (let row = await store.next(); row; row = await store.next()) {
      pairs.set(Buffer.from(row.key).toString(), Buffer.from(row.value).toString('base64'));
    }
  } finally {
    await store.close();
  }
  return pairs;
}

function value(random: Random): Buffer {
  // Compressible and incompressible stretches, some longer than a block of the log.
  const length = random.integer(20) === 0 ? 40_000 + random.integer(40_000) : random.integer(600);
  const step = 1 + random.integer(3);
  return Buffer.from(Array.from({ length }, (_, i) => (step === 1 ? random.uint32() : i >> step)));
}

async function fillDatabase(folder: string, compression: boolean): Promise<Pairs> {
  const random = new Random(11);
  const expected = new Map<string, Buffer>();
  // Several sessions, with overwriting and deleting, make several levels, several tables and a log.
  for (let session = 0; session < 4; session++) {
    await write(
      folder,
      async (database) => {
        for (let i = 0; i < 400; i++) {
          const key = `key${random.integer(900)}${'x'.repeat(random.integer(3))}`;
          if (random.integer(4) === 0) {
            await database.del(key);
            expected.delete(key);
          } else {
            const bytes = value(random);
            await database.put(key, bytes);
            expected.set(key, bytes);
          }
        }
      },
      compression,
    );
  }
  const keys = [...expected.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return new Map(keys.map((key) => [key, expected.get(key)!.toString('base64')]));
}

describe.each([
  ['packed with Snappy', true],
  ['plain', false],
])('a database that LevelDB wrote, %s', (name, compression) => {
  test('is read as it was written: overwritten, deleted, spread over tables and logs', async () => {
    const folder = join(scratch, name);
    const expected = await fillDatabase(folder, compression);
    const files = readdirSync(folder);
    // How many tables there are depends on how far LevelDB got with compacting them in the background.
    expect(files.filter((file) => file.endsWith('.ldb')).length).toBeGreaterThan(0);
    expect(files.filter((file) => file.endsWith('.log')).length).toBeGreaterThan(0);
    const found = await read(folder);
    expect([...found.keys()]).toEqual([...expected.keys()]);
    expect(found).toEqual(expected);
  });
});

test('an empty database has no rows', async () => {
  const folder = join(scratch, 'empty');
  await write(folder, async () => {});
  expect(await read(folder)).toEqual(new Map());
});

test('a record that was not written to its end is left out, as LevelDB does', async () => {
  const folder = join(scratch, 'killed');
  await write(folder, async (database) => {
    await database.put('first', Buffer.from('one'));
    await database.put('second', Buffer.from('two'));
  });
  const log = join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.log'))!,
  );
  writeFileSync(log, readFileSync(log).subarray(0, -2));
  expect([...(await read(folder)).keys()]).toEqual(['first']);
});

test('no missing file and no spoiled byte goes unnoticed', async () => {
  const folder = join(scratch, 'spoiled');
  await write(folder, async (database) => {
    for (let i = 0; i < 300; i++) await database.put(`key${i}`, value(new Random(i)));
  });
  const good = await read(folder);
  const fails = async (file: string, change: (path: string) => void): Promise<boolean> => {
    const path = join(folder, file);
    const bytes = readFileSync(path);
    change(path);
    const outcome = await read(folder).catch((error: unknown) => error);
    writeFileSync(path, bytes);
    return outcome instanceof CaffeFormatError || outcome instanceof CaffeFileError;
  };
  // LevelDB leaves tables that are not needed any more until it is opened again: those may be missing.
  const needed: string[] = [];
  for (const file of readdirSync(folder)) if (await fails(file, (path) => rmSync(path))) needed.push(file);
  const kinds = new Set(needed.map((file) => file.replace(/\d+/, '0')));
  expect(kinds).toEqual(new Set(['0.ldb', '0.log', 'CURRENT', 'MANIFEST-0']));
  const unnoticed: string[] = [];
  for (const file of needed) {
    const bytes = readFileSync(join(folder, file));
    for (let k = 0; k < 12; k++) {
      const at = Math.floor((k / 12) * bytes.length);
      const spoiled = bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
      if (!(await fails(file, (path) => writeFileSync(path, spoiled)))) unnoticed.push(`${file} at ${at}`);
    }
  }
  expect(unnoticed).toEqual([]);
  expect(await read(folder)).toEqual(good);
});

test('a missing or shortened table is named', async () => {
  const folder = join(scratch, 'shortened');
  await write(folder, async (database) => {
    for (let i = 0; i < 300; i++) await database.put(`key${i}`, Buffer.alloc(600, i));
  });
  const table = join(
    folder,
    readdirSync(folder).find((file) => file.endsWith('.ldb'))!,
  );
  const bytes = readFileSync(table);
  writeFileSync(table, bytes.subarray(0, 100));
  await expect(read(folder)).rejects.toThrow(`${table}: corrupt LevelDB database: the file is truncated`);
  rmSync(table);
  await expect(read(folder)).rejects.toThrow(`${table}: corrupt LevelDB database: the file is missing`);
});

test('crc32c gives the published check value', () => {
  // Of the digits 1 to 9, as catalogues of checksums list it.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('6789'), crc32c(Buffer.from('12345')))).toBe(0xe3069283);
});

test.each<[string, number[], RegExp]>([
  ['a copy from before the start', [4, 0x01, 9], /before its start/],
  ['more than it claims', [1, 0x08, 1, 2, 3], /more than it claims/],
  ['less than it claims', [9, 0x08, 1, 2, 3], /unpacks to 3 bytes, claims 9/],
  ['a literal cut short', [3, 0x08, 1], /ends 2 bytes early/],
  ['a length cut short', [0xff], /in the middle of a number/],
])('snappy refuses %s', (_what, bytes, message) => {
  expect(() => unpackSnappy(Buffer.from(bytes))).toThrow(message);
});

test('snappy repeats a pattern with a copy that overlaps itself', () => {
  // A literal of two bytes, then six bytes from two back.
  expect(unpackSnappy(Buffer.from([8, 0x04, 0x61, 0x62, 0x09, 2])).toString()).toBe('abababab');
});
