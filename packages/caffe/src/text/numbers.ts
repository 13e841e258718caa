/** The value of an integer token (decimal, 0x hexadecimal, 0 octal), or undefined when it exceeds `max` or has a wrong digit. */
export function parseInteger(text: string, max: bigint): bigint | undefined {
  const octal = /^0[0-9]/.test(text);
  if (octal && !/^[0-7]+$/.test(text)) return undefined;
  // "0x" alone was reported by the tokenizer; it counts as 0.
  const digits = octal ? `0o${text.slice(1)}` : /^0[xX]$/.test(text) ? '0' : text.toLowerCase();
  const value = BigInt(digits);
  return value > max ? undefined : value;
}

/** Whether an integer token is written in octal or hexadecimal, which a float field does not take. */
export function isOctalOrHex(text: string): boolean {
  return /^0[xX0-7]/.test(text);
}

/** The value of a float token or a decimal integer token: `1.5f`, `.5`, `1e3`. An exponent without digits counts as none. */
export function parseFloatToken(text: string): number {
  return Number(text.replace(/[fF]$/, '').replace(/[eE][-+]?$/, ''));
}

function formatG(value: number, digits: number): string {
  const [mantissa = '0', exponentText = '0'] = value.toExponential(digits - 1).split('e');
  const exponent = Number(exponentText);
  const strip = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent >= -4 && exponent < digits) return strip(value.toFixed(Math.max(0, digits - 1 - exponent)));
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${strip(mantissa)}e${exponent < 0 ? '-' : '+'}${size}`;
}

function formatSpecial(value: number): string | undefined {
  if (Number.isNaN(value)) return 'nan';
  if (Math.abs(value) === Infinity) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : undefined;
}

const SMALLEST_NORMAL_FLOAT = 2 ** -126;

/**
 * A float32 as protobuf prints it: 6 significant digits where they suffice to read it back, else 9; always 9 for
 * subnormal numbers, because C's strtof, with which protobuf tries it, calls those a range error.
 */
export function formatFloat(value: number): string {
  const single = Math.fround(value);
  const special = formatSpecial(single);
  if (special !== undefined) return special;
  const short = formatG(single, 6);
  const enough = Math.abs(single) >= SMALLEST_NORMAL_FLOAT || single === 0;
  return enough && Math.fround(Number(short)) === single ? short : formatG(single, 9);
}

/** A float64 as protobuf prints it: 15 significant digits where they suffice to read it back, else 17. */
export function formatDouble(value: number): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const short = formatG(value, 15);
  return Number(short) === value ? short : formatG(value, 17);
}
