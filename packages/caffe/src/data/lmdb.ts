import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import type { Store, StoreRow } from './store.js';
import { compareKeys, keyText } from './store.js';

// The file format of LMDB 0.9 (64-bit, little-endian): pages of equal size, the first two of them metas, the rest a
// B+ tree. Every page starts with a header of 16 bytes: its number (8), padding (2), flags (2), then either the
// bounds of its free space (2 + 2), or for a run of overflow pages the length of the run (4).
const magic = 0xbeefc0de;
const headerSize = 16;
const nodeHeaderSize = 8;
const flagBranch = 0x01;
const flagLeaf = 0x02;
const flagOverflow = 0x04;
const flagMeta = 0x08;
const nodeBig = 0x01;
const nodeSubdatabase = 0x02;
const nodeDuplicates = 0x04;
const databaseDupsort = 0x04;
const noPage = 2 ** 64; // what reads back from 64 set bits

interface Meta {
  readonly pageSize: number;
  readonly flags: number;
  readonly depth: number;
  readonly entries: number;
  readonly root: number;
  readonly lastPage: number;
  readonly transaction: number;
}

interface Page {
  readonly number: number;
  readonly bytes: Buffer;
  readonly count: number;
}

interface Level {
  readonly page: Page;
  index: number;
}

function uint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 4294967296;
}

function openFile(path: string): { file: string; descriptor: number } {
  let file = path;
  try {
    if (statSync(path).isDirectory()) file = join(path, 'data.mdb');
    return { file, descriptor: openSync(file, 'r') };
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what =
      missing && file !== path ? 'the folder holds no LMDB database (no data.mdb)' : 'no such LMDB database';
    throw new CaffeFileError(
      missing && file !== path ? path : file,
      missing ? what : (cause as Error).message,
      {
        cause,
      },
    );
  }
}

/**
 * Opens a database that standard LMDB 0.9 wrote on a 64-bit little-endian machine: a folder with `data.mdb` in it, or
 * that file. Nothing is written, not even a lock: do not read while something writes to the database.
 *
 * Everything that is read is checked: page numbers, kinds, bounds, the depth of the tree, the order of the keys and
 * the number of rows.
 * @throws CaffeFileError when the file is missing, CaffeFormatError (here, or later from `next`) when it is no such
 * database or is corrupt.
 */
export function openLmdb(path: string): Store {
  return new LmdbStore(path);
}

class LmdbStore implements Store {
  readonly path: string;
  readonly #file: string;
  readonly #descriptor: number;
  readonly #meta: Meta;
  #stack: Level[] = [];
  #started = false;
  #rows = 0;
  #lastKey: Uint8Array | undefined;

  constructor(path: string) {
    this.path = path;
    const { file, descriptor } = openFile(path);
    this.#file = file;
    this.#descriptor = descriptor;
    try {
      this.#meta = this.#readMeta();
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  next(): Promise<StoreRow | undefined> {
    try {
      return Promise.resolve(this.#advance());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  rewind(): Promise<void> {
    this.#stack = [];
    this.#started = false;
    this.#rows = 0;
    this.#lastKey = undefined;
    return Promise.resolve();
  }

  close(): Promise<void> {
    closeSync(this.#descriptor);
    return Promise.resolve();
  }

  #corrupt(problem: string): CaffeFormatError {
    return new CaffeFormatError(this.#file, `corrupt LMDB database: ${problem}`);
  }

  #read(position: number, length: number, what: string): Buffer {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#descriptor, bytes, done, length - done, position + done);
      if (got === 0) throw this.#corrupt(`the file ends in the middle of ${what}`);
      done += got;
    }
    return bytes;
  }

  #readMeta(): Meta {
    const first = this.#parseMeta(0, this.#read(0, headerSize + 136, 'its first meta page'));
    const second = this.#parseMeta(1, this.#read(first.pageSize, headerSize + 136, 'its second meta page'));
    const meta = second.transaction > first.transaction ? second : first;
    if (meta.flags & databaseDupsort) {
      throw new CaffeFormatError(
        this.#file,
        'an LMDB database with duplicate keys (MDB_DUPSORT) is not supported',
      );
    }
    return meta;
  }

  #parseMeta(number: number, bytes: Buffer): Meta {
    const body = bytes.subarray(headerSize);
    if (body.readUInt32LE(0) !== magic || !(bytes.readUInt16LE(10) & flagMeta)) {
      const narrow = bytes.readUInt32LE(12) === magic;
      const swapped = body.readUInt32BE(0) === magic;
      const expected = 'expected one written by LMDB 0.9 on a 64-bit little-endian machine';
      if (narrow) throw new CaffeFormatError(this.#file, `an LMDB database of a 32-bit machine; ${expected}`);
      if (swapped)
        throw new CaffeFormatError(this.#file, `an LMDB database of a big-endian machine; ${expected}`);
      if (number === 0)
        throw new CaffeFormatError(this.#file, 'not an LMDB database (the meta page lacks its mark)');
      throw this.#corrupt(`meta page ${number} lacks its mark`);
    }
    const version = body.readUInt32LE(4);
    if (version !== 1) {
      throw new CaffeFormatError(
        this.#file,
        `found LMDB data version ${version}, expected version 1 (LMDB 0.9)`,
      );
    }
    // Two database records of 48 bytes follow: the free pages, whose first field is the page size, and the rows.
    const pageSize = body.readUInt32LE(24);
    if (pageSize < 256 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) {
      throw this.#corrupt(`meta page ${number} gives a page size of ${pageSize}`);
    }
    return {
      pageSize,
      flags: body.readUInt16LE(76),
      depth: body.readUInt16LE(78),
      entries: uint64(body, 104),
      root: uint64(body, 112),
      lastPage: uint64(body, 120),
      transaction: uint64(body, 128),
    };
  }

  #readPage(number: number, kind: number): Page {
    const { pageSize, lastPage } = this.#meta;
    if (number < 2 || number > lastPage) throw this.#corrupt(`a link to page ${number} of 2 to ${lastPage}`);
    const bytes = this.#read(number * pageSize, pageSize, `page ${number}`);
    if (uint64(bytes, 0) !== number)
      throw this.#corrupt(`page ${number} carries the number ${uint64(bytes, 0)}`);
    const flags = bytes.readUInt16LE(10);
    if ((flags & (flagBranch | flagLeaf | flagOverflow | flagMeta)) !== kind) {
      const name = kind === flagBranch ? 'branch' : 'leaf';
      throw this.#corrupt(`page ${number} has flags 0x${flags.toString(16)}, expected a ${name} page`);
    }
    const lower = bytes.readUInt16LE(12);
    const upper = bytes.readUInt16LE(14);
    if (lower < headerSize || lower > upper || upper > pageSize) {
      throw this.#corrupt(`page ${number} gives its free space as ${lower} to ${upper}`);
    }
    return { number, bytes, count: (lower - headerSize) >> 1 };
  }

  /** The offset of a node in its page, and the size of its key. */
  #node({ number, bytes, count }: Page, index: number): { offset: number; keySize: number } {
    const offset = bytes.readUInt16LE(headerSize + 2 * index);
    if (offset < headerSize + 2 * count || offset + nodeHeaderSize > bytes.length) {
      throw this.#corrupt(`node ${index} of page ${number} lies at ${offset}`);
    }
    const keySize = bytes.readUInt16LE(offset + 6);
    if (offset + nodeHeaderSize + keySize > bytes.length) {
      throw this.#corrupt(`node ${index} of page ${number} has a key of ${keySize} bytes`);
    }
    return { offset, keySize };
  }

  #child(page: Page, index: number): number {
    const { offset } = this.#node(page, index);
    return page.bytes.readUInt32LE(offset) + page.bytes.readUInt16LE(offset + 4) * 4294967296;
  }

  /** Goes down from a page to the first leaf under it. */
  #descend(from: number): void {
    let number = from;
    for (;;) {
      const leaf = this.#stack.length + 1 === this.#meta.depth;
      const page = this.#readPage(number, leaf ? flagLeaf : flagBranch);
      if (page.count === 0) throw this.#corrupt(`page ${number} is empty`);
      this.#stack.push({ page, index: 0 });
      if (leaf) return;
      number = this.#child(page, 0);
    }
  }

  #advance(): StoreRow | undefined {
    if (!this.#started) {
      this.#started = true;
      if (this.#meta.root === noPage) return this.#end();
      this.#descend(this.#meta.root);
      return this.#row();
    }
    while (this.#stack.length > 0) {
      const level = this.#stack.at(-1)!;
      level.index++;
      if (level.index < level.page.count) {
        if (this.#stack.length < this.#meta.depth) this.#descend(this.#child(level.page, level.index));
        return this.#row();
      }
      this.#stack.pop();
    }
    return this.#end();
  }

  #end(): undefined {
    if (this.#rows !== this.#meta.entries) {
      throw this.#corrupt(`the tree holds ${this.#rows} rows, its meta page says ${this.#meta.entries}`);
    }
    return undefined;
  }

  #row(): StoreRow {
    const { page, index } = this.#stack.at(-1)!;
    const { offset, keySize } = this.#node(page, index);
    const { bytes } = page;
    const size = bytes.readUInt32LE(offset);
    const flags = bytes.readUInt16LE(offset + 4);
    const start = offset + nodeHeaderSize;
    const key = bytes.subarray(start, start + keySize);
    if (this.#lastKey && compareKeys(this.#lastKey, key) >= 0 && (this.#meta.flags & 0x0a) === 0) {
      throw this.#corrupt(`key ${keyText(key)} comes after ${keyText(this.#lastKey)}`);
    }
    this.#lastKey = key;
    this.#rows++;
    if (flags & (nodeSubdatabase | nodeDuplicates)) {
      throw new CaffeFormatError(this.#file, `${keyText(key)} is a named LMDB database, expected rows`);
    }
    const data = start + keySize;
    if (flags & nodeBig) return { key, value: this.#overflow(bytes, data, size, key) };
    if (data + size > bytes.length)
      throw this.#corrupt(`the value of key ${keyText(key)} runs over its page`);
    return { key, value: bytes.subarray(data, data + size) };
  }

  /** A value too large for a leaf lies in a run of pages of its own, behind one header. */
  #overflow(bytes: Buffer, data: number, size: number, key: Uint8Array): Uint8Array {
    if (data + 8 > bytes.length) throw this.#corrupt(`the value of key ${keyText(key)} runs over its page`);
    const { pageSize, lastPage } = this.#meta;
    const number = uint64(bytes, data);
    const pages = Math.ceil((headerSize + size) / pageSize);
    if (number < 2 || number + pages - 1 > lastPage) {
      throw this.#corrupt(
        `the value of key ${keyText(key)} lies in pages ${number} to ${number + pages - 1}`,
      );
    }
    const run = this.#read(number * pageSize, headerSize + size, `the value of key ${keyText(key)}`);
    const length = run.readUInt32LE(12);
    if (uint64(run, 0) !== number || !(run.readUInt16LE(10) & flagOverflow) || length < pages) {
      throw this.#corrupt(`page ${number} is not the start of the value of key ${keyText(key)}`);
    }
    return run.subarray(headerSize);
  }
}
