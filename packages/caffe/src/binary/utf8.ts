// proto2 strings may hold any bytes. Bytes that are not UTF-8 become lone surrogates (0xff reads as U+DCFF), so that
// every string is written back as it was read.

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(at, at + length));
      return length;
    } catch {
      // not complete yet, or not valid
    }
  }
  return 0;
}

/** Decodes UTF-8; a byte that belongs to no valid sequence becomes U+DC00 + byte. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let text = '';
    for (let at = 0; at < bytes.length;) {
      const length = sequenceLength(bytes, at);
      text +=
        length === 0
          ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
          : strict.decode(bytes.subarray(at, at + length));
      at += length === 0 ? 1 : length;
    }
    return text;
  }
}

/** The inverse of `decodeUtf8`. */
export function encodeUtf8(text: string): Uint8Array {
  if (!/[\uDC80-\uDCFF]/u.test(text)) return encoder.encode(text);
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...encoder.encode(character));
  }
  return Uint8Array.from(bytes);
}
