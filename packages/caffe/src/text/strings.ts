import { decodeUtf8, encodeUtf8 } from '../binary/utf8.js';

const simple: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
const isOctal = (c: number | undefined): boolean => c !== undefined && c >= 48 && c <= 55;
const hexValue = (c: number | undefined): number => {
  const digit = c === undefined ? Number.NaN : Number.parseInt(String.fromCharCode(c), 16);
  return Number.isNaN(digit) ? -1 : digit;
};

/** Reads up to `most` digits of a base; returns the value and where it ended. */
function readDigits(
  bytes: Uint8Array,
  from: number,
  most: number,
  base: 8 | 16,
): [value: number, end: number] {
  let value = 0;
  let at = from;
  for (; at < from + most; at++) {
    const digit = base === 8 && !isOctal(bytes[at]) ? -1 : hexValue(bytes[at]);
    if (digit < 0) break;
    value = value * base + digit;
  }
  return [value, at];
}

/** The UTF-8 bytes of a code point, also of half a surrogate pair, which a proto2 string can hold. */
function codePointBytes(code: number): number[] {
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x80) return [code];
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  if (code <= 0x10ffff) return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
  // Beyond Unicode: the escape itself, as C++ leaves it.
  return [...encodeUtf8(`\\U${code.toString(16).padStart(8, '0')}`)];
}

/** A \u or \U escape; a pair of surrogates is one character. */
function readUnicode(bytes: Uint8Array, at: number): [code: number, end: number] {
  const [value, end] = readDigits(bytes, at + 1, bytes[at] === 0x75 ? 4 : 8, 16);
  if (value >= 0xd800 && value < 0xdc00 && bytes[end] === 0x5c && bytes[end + 1] === 0x75) {
    const [low, lowEnd] = readDigits(bytes, end + 2, 4, 16);
    if (low >= 0xdc00 && low < 0xe000) return [0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00), lowEnd];
  }
  return [value, end];
}

/** The bytes that a string token stands for: quotes taken off, escapes resolved. */
export function unquote(token: Uint8Array): number[] {
  const delimiter = token[0];
  const out: number[] = [];
  for (let at = 1; at < token.length;) {
    const c = token[at] ?? 0;
    if (c === delimiter && at === token.length - 1) break;
    if (c !== 0x5c || at + 1 >= token.length) {
      out.push(c);
      at++;
      continue;
    }
    const kind = token[at + 1] ?? 0;
    if (isOctal(kind)) {
      const [value, end] = readDigits(token, at + 1, 3, 8);
      out.push(value & 255);
      at = end;
    } else if (kind === 0x78) {
      const [value, end] = readDigits(token, at + 2, 2, 16);
      out.push(value);
      at = end;
    } else if (kind === 0x75 || kind === 0x55) {
      const [value, end] = readUnicode(token, at + 1);
      out.push(...codePointBytes(value));
      at = end;
    } else {
      out.push(simple[String.fromCharCode(kind)] ?? kind);
      at += 2;
    }
  }
  return out;
}

/** Decodes the bytes of a string field. */
export function stringOf(bytes: readonly number[]): string {
  return decodeUtf8(Uint8Array.from(bytes));
}

const named = new Map([
  [10, '\\n'],
  [13, '\\r'],
  [9, '\\t'],
  [34, '\\"'],
  [39, "\\'"],
  [92, '\\\\'],
]);

/**
 * A string or bytes as protobuf prints it, in double quotes: control characters and, unless `utf8` is set, every byte
 * beyond ASCII in octal.
 */
export function quote(value: string | Uint8Array, utf8 = false): string {
  const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
  const keep = utf8 && typeof value === 'string' && !/[\uDC80-\uDCFF]/u.test(value);
  const out: number[] = [];
  for (const byte of bytes) {
    if (named.has(byte) || byte < 32 || byte === 127 || (byte > 127 && !keep)) {
      const text = named.get(byte) ?? `\\${byte.toString(8).padStart(3, '0')}`;
      for (const c of text) out.push(c.charCodeAt(0));
    } else out.push(byte);
  }
  return `"${decodeUtf8(Uint8Array.from(out))}"`;
}
