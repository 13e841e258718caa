import { closeSync, openSync, readSync } from 'node:fs';
import { ByteReader } from './bytes.js';
import { crc32c, maskedCrc32c } from './crc32c.js';
import type { Entry } from './entry.js';
import { compareEntries, entryOf } from './entry.js';
import { unpackSnappy } from './snappy.js';

const magic = 0xdb4775248b80fb57n;
const footerSize = 48;
const trailerSize = 5;

/** Where a block lies in its table. */
interface Handle {
  readonly offset: number;
  readonly size: number;
}

function readHandle(reader: ByteReader): Handle {
  const offset = reader.varint();
  return { offset, size: reader.varint() };
}

/** The keys and values of a block: every key is given as what it adds to the one before it. */
function* blockEntries(block: Buffer): Generator<readonly [key: Buffer, value: Buffer]> {
  const restarts = block.length >= 4 ? block.readUInt32LE(block.length - 4) : Infinity;
  const end = block.length - 4 - 4 * restarts;
  if (end < 0) throw new RangeError('holds a block that is too short');
  const reader = new ByteReader(block.subarray(0, end));
  let key: Buffer = Buffer.alloc(0);
  while (!reader.done) {
    const shared = reader.varint();
    const added = reader.varint();
    const size = reader.varint();
    if (shared > key.length) throw new RangeError('holds a key that continues none');
    key = Buffer.concat([key.subarray(0, shared), reader.take(added)]);
    yield [key, reader.take(size)];
  }
}

/**
 * A finished table of a LevelDB database. Nothing is held but the index and, while entries are read, one block; every block's
 * checksum is verified.
 */
export class Table {
  readonly #descriptor: number;
  readonly #size: number;
  readonly #blocks: readonly Handle[];

  /** @param size the size that the MANIFEST gives. @throws RangeError for a corrupt table; what opening throws. */
  constructor(file: string, size: number) {
    this.#descriptor = openSync(file, 'r');
    this.#size = size;
    try {
      if (size < footerSize) throw new RangeError('is too short for a table');
      const footer = this.#read(size - footerSize, footerSize);
      if (footer.readBigUInt64LE(40) !== magic) throw new RangeError('does not end as a LevelDB table does');
      const reader = new ByteReader(footer);
      readHandle(reader); // the index of filters
      const index = this.#block(readHandle(reader));
      this.#blocks = Array.from(blockEntries(index), ([, handle]) => readHandle(new ByteReader(handle)));
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** All entries in order. @throws RangeError where the table is corrupt. */
  *entries(): Generator<Entry> {
    let before: Entry | undefined;
    for (const handle of this.#blocks) {
      for (const [key, value] of blockEntries(this.#block(handle))) {
        const entry = entryOf(key, value);
        if (before && compareEntries(before, entry) >= 0)
          throw new RangeError('holds keys that are out of order');
        before = entry;
        yield entry;
      }
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#descriptor, bytes, done, length - done, offset + done);
      if (got === 0) throw new RangeError(`is truncated: it ends before its ${this.#size} bytes`);
      done += got;
    }
    return bytes;
  }

  #block({ offset, size }: Handle): Buffer {
    if (offset + size + trailerSize > this.#size)
      throw new RangeError(`names a block at byte ${offset}, beyond its end`);
    const bytes = this.#read(offset, size + trailerSize);
    if (maskedCrc32c(crc32c(bytes.subarray(0, size + 1))) !== bytes.readUInt32LE(size + 1)) {
      throw new RangeError(`has a wrong checksum in the block at byte ${offset}`);
    }
    const content = bytes.subarray(0, size);
    const packing = bytes[size];
    if (packing === 0) return content;
    if (packing === 1) return unpackSnappy(content);
    throw new RangeError(`holds a block packed in an unknown way (${packing}), expected plain or Snappy`);
  }
}
