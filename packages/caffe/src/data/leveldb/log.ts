import { crc32c, maskedCrc32c } from './crc32c.js';

const blockSize = 32768;
const headerSize = 7;
const full = 1;
const first = 2;
const middle = 3;
const last = 4;

/**
 * The records of a LevelDB log file (also the form of its MANIFEST): blocks of 32 KiB with fragments of records, each with checksum,
 * length and kind. A record that the file ends in the middle of was not written to the end: it is left out, as LevelDB does.
 * @throws RangeError for a fragment that is wrong or out of place.
 */
export function* logRecords(bytes: Buffer): Generator<Buffer> {
  let parts: Buffer[] | undefined;
  let at = 0;
  while (at + headerSize <= bytes.length) {
    const left = blockSize - (at % blockSize);
    if (left < headerSize) {
      at += left; // the tail of a block that is too short for a header
      continue;
    }
    const length = bytes.readUInt16LE(at + 4);
    const kind = bytes[at + 6]!;
    if (kind === 0 && length === 0) {
      at += left; // space that was reserved and not used
      continue;
    }
    if (headerSize + length > left)
      throw new RangeError(`has a fragment at byte ${at} that runs over its block`);
    if (at + headerSize + length > bytes.length) return;
    const checked = bytes.subarray(at + 6, at + headerSize + length);
    if (maskedCrc32c(crc32c(checked)) !== bytes.readUInt32LE(at)) {
      throw new RangeError(`has a wrong checksum at byte ${at}`);
    }
    const data = checked.subarray(1);
    const begins = kind === full || kind === first;
    if (kind < full || kind > last || begins !== (parts === undefined)) {
      throw new RangeError(`has a fragment of kind ${kind} out of place at byte ${at}`);
    }
    if (kind === full) yield data;
    else if (kind === first) parts = [data];
    else if (kind === middle) parts!.push(data);
    else {
      yield Buffer.concat([...parts!, data]);
      parts = undefined;
    }
    at += headerSize + length;
  }
}
