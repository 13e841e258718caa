import type { ByteReader } from './bytes.js';

/** One version of a row: a value, or (undefined) the note that the key was deleted. Later versions have higher sequence numbers. */
export interface Entry {
  readonly key: Buffer;
  readonly sequence: bigint;
  readonly value: Buffer | undefined;
}

/** The order in which LevelDB keeps entries: by key, and the newest version of a key first. */
export function compareEntries(a: Entry, b: Entry): number {
  const order = Buffer.compare(a.key, b.key);
  if (order !== 0) return order;
  return a.sequence > b.sequence ? -1 : Number(a.sequence < b.sequence);
}

/** Takes a key of a table apart: the key itself, then eight bytes of sequence number and kind. */
export function entryOf(internalKey: Buffer, value: Buffer): Entry {
  const size = internalKey.length - 8;
  if (size < 0) throw new RangeError('holds a key that is too short');
  const tail = internalKey.readBigUInt64LE(size);
  return {
    key: internalKey.subarray(0, size),
    sequence: tail >> 8n,
    value: ofKind(Number(tail & 255n), () => value),
  };
}

/** The value where the kind says that there is one. */
export function ofKind(kind: number, value: () => Buffer): Buffer | undefined {
  if (kind === 1) return value();
  if (kind === 0) return undefined;
  throw new RangeError(`holds an entry of unknown kind ${kind}`);
}

/** The entries of a log record: a sequence number, a count, and as many puts and deletions. */
export function* batchEntries(record: ByteReader): Generator<Entry> {
  const head = record.take(12);
  const start = head.readBigUInt64LE(0);
  const count = head.readUInt32LE(8);
  for (let i = 0; i < count; i++) {
    const kind = record.take(1)[0]!;
    const key = record.prefixed();
    yield { key, sequence: start + BigInt(i), value: ofKind(kind, () => record.prefixed()) };
  }
  if (!record.done) throw new RangeError('holds a batch that is longer than it says');
}
