/** The matrices that make a convolution with three taps from fewer multiplications. */

export type Matrix = readonly (readonly number[])[];

/**
 * F(m, 3): m sums of three products each, y_i = sum_k d_(i+k) g_k, from m + 2 multiplications,
 * y = A^T ((G g) * (B^T d)). Over two axes the same matrices apply to rows and columns.
 */
export interface Transforms {
  /** How many outputs a tile has along an axis: m. */
  readonly tile: number;
  /** B^T [m + 2, m + 2]. */
  readonly input: Matrix;
  /** G [m + 2, 3]. */
  readonly kernel: Matrix;
  /** A [m + 2, m]. */
  readonly output: Matrix;
}

const TAPS = 3;

/** The coefficients of the product of all (x - p), from the constant on. */
function polynomial(points: readonly number[]): number[] {
  let result = [1];
  for (const p of points) {
    const raised = [0, ...result];
    for (const [i, value] of result.entries()) raised[i]! -= p * value;
    result = raised;
  }
  return result;
}

/**
 * The transforms that evaluate polynomials at `points` and at infinity (Toom and Cook; Winograd 1980, Lavin and Gray
 * 2016). The nearer the points are to one another in size, the fewer digits are lost.
 */
function transforms(points: readonly number[]): Transforms {
  const tile = points.length + 2 - TAPS;
  const others = (p: number): number[] => points.filter((q) => q !== p);
  const powers = (p: number, n: number): number[] => Array.from({ length: n }, (_, i) => p ** i);
  const last = (n: number): number[] => Array.from({ length: n }, (_, i) => (i === n - 1 ? 1 : 0));
  return {
    tile,
    input: [...points.map((p) => [...polynomial(others(p)), 0]), polynomial(points)],
    kernel: [
      ...points.map((p) => {
        const divisor = others(p).reduce((product, q) => product * (p - q), 1);
        return powers(p, TAPS).map((power) => power / divisor);
      }),
      last(TAPS),
    ],
    output: [...points.map((p) => powers(p, tile)), last(tile)],
  };
}

/** F(2, 3): 16 multiplications for the 36 of a tile of 2 x 2. */
export const TWO: Transforms = transforms([0, 1, -1]);

/**
 * F(4, 3): 36 multiplications for the 144 of a tile of 4 x 4. With these points a sum over 256 channels is within 2e-6 of
 * its largest number in float32; with the textbook's 0, 1, -1, 2, -2 within 6e-6, and without transforms within 5e-7.
 */
export const FOUR: Transforms = transforms([0, 0.75, -0.75, 1.5, -1.5]);

/**
 * The matrix that does to a plane, row after row, what `matrix` [r, s] does to its rows and to its columns:
 * [r r, s s], entry (i j, a b) = matrix[i, a] matrix[j, b].
 */
export function bothAxes(matrix: Matrix): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    matrix.flatMap((rows) => matrix.flatMap((columns) => rows.flatMap((a) => columns.map((b) => a * b)))),
  );
}
