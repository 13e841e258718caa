/** Which decimal digits of a float32 result are right. */
import { ulp32 } from '../../src/measure/accuracy.js';

/** What a digit is: part of the notation, right, wrong, or finer than float32 could be there. */
export type Mark = 'lead' | 'kept' | 'lost' | 'beyond';

/** Characters in a row that are marked alike. */
export interface Run {
  readonly text: string;
  readonly mark: Mark;
}

/** A number as text, digit by digit. */
export interface Digits {
  readonly runs: readonly Run[];
  /** Decimal digits that float32 has room for at the exact value; 0 where that is 0, infinite or NaN. */
  readonly room: number;
  /** How many of these are wrong. */
  readonly lost: number;
}

/** Significant digits that are shown: float32 tells numbers apart by at most nine. */
const shown = 9;
/** What rounding alone may amount to, in ulp. */
const close = 2;

/** How far a result is off, in units in the last place of float32. */
export function errorInUlp(computed: number, exact: number): number {
  if (Object.is(computed, exact) || computed === exact) return 0;
  const distance = Math.abs(computed - exact);
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance / ulp32(exact);
}

/**
 * Right significant decimal digits of a float32 result, as a number for drawing: -log10 of the relative error, at least 0
 * and at most what half a unit in the last place amounts to, 7.22.
 */
export function rightDigits(computed: number, exact: number): number {
  const most = -Math.log10(2 ** -24);
  if (computed === exact) return most;
  const relative = Math.abs(computed - exact) / Math.abs(exact);
  if (Number.isNaN(relative)) return 0;
  return Math.min(most, Math.max(0, -Math.log10(relative)));
}

/** The place of the first significant digit: 0 for 1 to 9.99, -2 for 0.01. */
function leadingPlace(value: number): number {
  return Number(Math.abs(value).toExponential().split('e')[1]);
}

/**
 * Writes a float32 result in decimals beside the exact value, aligned to it, and marks its digits. Up to the first digit
 * that differs they are right; from there on they are lost, down to the last one that float32 has room for. A result within
 * two units in the last place has lost nothing, though its digits may differ (0.9999999 for 1.0000000).
 */
export function markDigits(computed: number, exact: number): Digits {
  const top = leadingPlace(exact);
  const isOrdinary = (value: number): boolean => Number.isFinite(value) && value !== 0;
  // A result that is larger by far has no digit beside one of the exact value.
  const isNear = top <= 8 && leadingPlace(computed) <= top + 3;
  if (isOrdinary(computed) && isOrdinary(exact) && isNear) return aligned(computed, exact, top);
  const isRight = errorInUlp(computed, exact) <= close;
  const room = roomAt(exact);
  return {
    runs: [{ text: numberText(computed), mark: isRight ? 'kept' : 'lost' }],
    room,
    lost: isRight ? 0 : room,
  };
}

/** Places from the first digit down to those too fine for float32. */
function roomAt(exact: number): number {
  if (!Number.isFinite(exact) || exact === 0) return 0;
  const top = leadingPlace(exact);
  const finest = close * ulp32(exact);
  let room = 0;
  while (room < shown && 10 ** (top - room) >= finest) room++;
  return room;
}

function aligned(computed: number, exact: number, top: number): Digits {
  const bottom = top - shown + 1;
  const first = Math.max(top, leadingPlace(computed));
  const digits = digitsOf(computed, first, bottom);
  const truth = digitsOf(exact, first, bottom);
  const error = Math.abs(computed - exact);
  const isClose = errorInUlp(computed, exact) <= close;
  const finest = close * ulp32(exact);
  const isFixed = top >= -4;
  const runs: Run[] = [];
  const put = (text: string, mark: Mark): void => {
    const last = runs.at(-1);
    if (last?.mark === mark) runs[runs.length - 1] = { text: last.text + text, mark };
    else runs.push({ text, mark });
  };
  let isKept = Math.sign(computed) === Math.sign(exact);
  if (computed < 0) put('−', isKept ? 'lead' : 'lost');
  if (isFixed && first < 0) put(`0.${'0'.repeat(-first - 1)}`, 'lead');
  let lost = 0;
  for (let place = first; place >= bottom; place--) {
    const at = first - place;
    // Digits may differ where only a carry does: 1.0000 for 0.9999998.
    isKept &&= isClose || digits[at] === truth[at] || error < 0.01 * 10 ** place;
    const isBeyond = 10 ** place < finest;
    if (!isKept && !isBeyond && place <= top) lost++;
    put(digits[at] ?? '0', isBeyond ? 'beyond' : isKept ? 'kept' : 'lost');
    const hasPoint = isFixed ? place === 0 && bottom < 0 : place === top;
    if (hasPoint) put('.', 'lead');
  }
  if (!isFixed) put(` × 10${superscript(top)}`, 'lead');
  return { runs, room: roomAt(exact), lost };
}

/** The decimal digits of |value| from one place down to another, rounded there. */
function digitsOf(value: number, first: number, bottom: number): string {
  const text = Math.abs(value).toFixed(Math.max(0, -bottom)).replace('.', '');
  // What stands before the first place is zeros.
  const wanted = first - bottom + 1;
  const whole = bottom > 0 ? text.slice(0, -bottom) : text;
  return whole.padStart(wanted, '0').slice(-wanted);
}

/** A number for reading, with what JavaScript's own text lacks: a true minus and a power of ten. */
export function numberText(value: number, significant = 9): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const place = leadingPlace(value);
  const sign = value < 0 ? '−' : '';
  const magnitude = Math.abs(value);
  if (place >= -4 && place <= 8) return sign + String(Number(magnitude.toPrecision(significant)));
  const [mantissa, exponent] = magnitude.toExponential(significant - 1).split('e');
  return `${sign}${Number(mantissa)} × 10${superscript(Number(exponent))}`;
}

function superscript(n: number): string {
  const raised = '⁰¹²³⁴⁵⁶⁷⁸⁹';
  return String(n).replace(/[-\d]/g, (c) => (c === '-' ? '⁻' : (raised[Number(c)] ?? c)));
}
