import { ByteReader } from './bytes.js';

/**
 * Unpacks a block in the Snappy format: the unpacked length, then literals and copies of what was already unpacked.
 * @throws RangeError for bytes that are no such block.
 */
export function unpackSnappy(packed: Buffer): Buffer {
  const reader = new ByteReader(packed);
  const length = reader.varint();
  if (length > 2 ** 32) throw new RangeError(`claims to unpack to ${length} bytes`);
  const out = Buffer.alloc(length);
  let at = 0;
  while (!reader.done) {
    const tag = reader.take(1)[0]!;
    if ((tag & 3) === 0) {
      const short = tag >> 2;
      const size = short < 60 ? short + 1 : reader.take(short - 59).readUIntLE(0, short - 59) + 1;
      const literal = reader.take(size);
      if (at + size > length) throw new RangeError('unpacks to more than it claims');
      literal.copy(out, at);
      at += size;
    } else {
      const { size, distance } = readCopy(reader, tag);
      if (distance === 0 || distance > at) throw new RangeError('copies from before its start');
      if (at + size > length) throw new RangeError('unpacks to more than it claims');
      // Byte by byte: source and target may overlap, which repeats a pattern.
      for (const end = at + size; at < end; at++) out[at] = out[at - distance]!;
    }
  }
  if (at !== length) throw new RangeError(`unpacks to ${at} bytes, claims ${length}`);
  return out;
}

function readCopy(reader: ByteReader, tag: number): { size: number; distance: number } {
  switch (tag & 3) {
    case 1:
      return { size: ((tag >> 2) & 7) + 4, distance: ((tag >> 5) << 8) | reader.take(1)[0]! };
    case 2:
      return { size: (tag >> 2) + 1, distance: reader.take(2).readUInt16LE(0) };
    default:
      return { size: (tag >> 2) + 1, distance: reader.take(4).readUInt32LE(0) };
  }
}
