// CRC-32C (Castagnoli): the polynomial 0x1edc6f41, bits reversed. Four tables take four bytes a step.
const tables = makeTables();

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    first[i] = crc;
  }
  const all = [first];
  for (let k = 1; k < 4; k++) {
    all.push(Uint32Array.from(all[k - 1]!, (crc) => (crc >>> 8) ^ first[crc & 255]!));
  }
  return all;
}

/** The CRC-32C of some bytes; `crc` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let value = ~crc;
  const { length } = bytes;
  const whole = length - (length % 4);
  let i = 0;
  for (; i < whole; i += 4) {
    value ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    value = t3[value & 255]! ^ t2[(value >>> 8) & 255]! ^ t1[(value >>> 16) & 255]! ^ t0[value >>> 24]!;
  }
  for (; i < length; i++) value = (value >>> 8) ^ t0[(value ^ bytes[i]!) & 255]!;
  return ~value >>> 0;
}

/** The form in which LevelDB stores a checksum: rotated and shifted, so that a checksum of checksums is not degenerate. */
export function maskedCrc32c(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
