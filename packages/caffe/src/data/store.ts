/** One row of a store. Both arrays are views that stay valid; they are not to be written to. */
export interface StoreRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * A key-value database opened for reading, with one cursor. Rows come in the order of their keys (bytes compared as
 * unsigned numbers), which is the order in which Caffe reads them.
 */
export interface Store {
  /** The path that was opened. */
  readonly path: string;
  /** The row under the cursor, which then moves on; undefined after the last row. */
  next(): Promise<StoreRow | undefined>;
  /** Puts the cursor back on the first row. */
  rewind(): Promise<void>;
  /** Closes the files. Nothing may be called afterwards. */
  close(): Promise<void>;
}

/** A negative, zero or positive number as a sorts before, with or after b. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** A key for a message: as text where it is printable ASCII, else as hexadecimal digits. */
export function keyText(key: Uint8Array): string {
  const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) ? `'${text}'` : `0x${Buffer.from(text, 'latin1').toString('hex')}`;
}
