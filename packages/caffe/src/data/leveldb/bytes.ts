/** Reads LevelDB's encodings one after the other. Every method throws RangeError when the bytes end too early. */
export class ByteReader {
  readonly bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  get done(): boolean {
    return this.position >= this.bytes.length;
  }

  /** A whole number of up to 53 bits in groups of 7, least significant first. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.bytes[this.position];
      if (byte === undefined) throw new RangeError('ends in the middle of a number');
      this.position++;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError('holds a number of more than 53 bits');
  }

  /** A length and as many bytes: a view, not a copy. */
  prefixed(): Buffer {
    return this.take(this.varint());
  }

  /** The next bytes: a view, not a copy. */
  take(length: number): Buffer {
    const end = this.position + length;
    if (end > this.bytes.length) throw new RangeError(`ends ${end - this.bytes.length} bytes early`);
    const part = this.bytes.subarray(this.position, end);
    this.position = end;
    return part;
  }
}
