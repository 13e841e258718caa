/** Values of flags: lists, numbers, sizes. */
import { UsageError } from '../errors.js';

/** `a,b, c` without empty entries and repetitions. */
export function listOf(text: string): readonly string[] {
  const entries = text.split(',').map((entry) => entry.trim());
  return [...new Set(entries.filter((entry) => entry !== ''))];
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/**
 * A whole number of at least 1: `1000`, `1e6`, `64Ki`, `16M`.
 *
 * @throws {UsageError}
 */
export function countOf(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)(k|M|G|Ki|Mi|Gi)?$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) * units[match[2] ?? '']!;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new UsageError(
    `${flag}: found '${text}', expected whole numbers of at least 1, such as 1000, 1e6, 64Ki or 16M`,
  );
}

/**
 * At least one number, ascending.
 *
 * @throws {UsageError}
 */
export function countsOf(flag: string, text: string): readonly number[] {
  const counts = new Set(listOf(text).map((entry) => countOf(flag, entry)));
  if (counts.size === 0) throw new UsageError(`${flag}: found nothing, expected a number`);
  return [...counts].toSorted((a, b) => a - b);
}

/**
 * A number > 0.
 *
 * @throws {UsageError}
 */
export function positiveOf(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${flag}: found '${text}', expected a number > 0`);
}

/** How many letters have to be put in, taken out or changed to make one word of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The name that is at most two slips of the finger away. */
function closest(text: string, known: readonly string[]): string | undefined {
  const far = (name: string): number => distance(text, name.toLowerCase());
  const [first] = known.toSorted((a, b) => far(a) - far(b));
  return first !== undefined && far(first) <= 2 ? first : undefined;
}

/**
 * One of the known names, or the one that is meant.
 *
 * @throws {UsageError} which lists what there is
 */
export function oneOf(flag: string, text: string, known: readonly string[]): string {
  if (known.includes(text)) return text;
  const wanted = text.toLowerCase();
  const close = known.find((name) => name.toLowerCase().startsWith(wanted)) ?? closest(wanted, known);
  const hint = close === undefined ? '' : ` (did you mean ${close}?)`;
  throw new UsageError(`${flag}: found '${text}'${hint}, expected any of ${known.join(', ')}`);
}

/**
 * JSON.
 *
 * @throws {UsageError}
 */
export function jsonOf(flag: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`${flag}: found '${text}', which is no JSON: ${(error as Error).message}`);
  }
}
