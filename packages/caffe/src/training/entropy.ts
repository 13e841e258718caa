/** Entropies of soft labels, in nats. */

/** 65535 divides into the levels of 8-bit images as well: 255 * 257. */
const LEVELS = 65535;
const table = new Float64Array(LEVELS + 1).fill(-1);

function exactly(t: number): number {
  if (!(t > 0 && t < 1)) return 0;
  return -(t * Math.log(t) + (1 - t) * Math.log1p(-t));
}

/** -(t log t + (1 - t) log(1 - t)); labels that came from images are looked up. */
function entropyOf(t: number): number {
  const level = Math.round(t * LEVELS);
  if (!(level >= 0 && level <= LEVELS) || Math.fround(level / LEVELS) !== t) return exactly(t);
  if (table[level]! < 0) table[level] = exactly(level / LEVELS);
  return table[level]!;
}

/**
 * The entropies of labels in [0, 1], added, and how many labels count.
 * @param cut compare labels with `ignore` after cutting them to whole numbers
 */
export function binaryEntropy(
  labels: Float32Array,
  ignore: number | null,
  cut = false,
): [sum: number, valid: number] {
  let sum = 0;
  let valid = 0;
  for (let i = 0; i < labels.length; i++) {
    const t = labels[i]!;
    if (ignore !== null && (cut ? Math.trunc(t) : t) === ignore) continue;
    sum += entropyOf(t);
    valid++;
  }
  return [sum, valid];
}

/** Calls `row` with where every row along `axis` that counts starts; a row of nothing but `ignore` does not count. */
function eachRow(
  targets: Float32Array,
  shape: readonly number[],
  axis: number,
  ignore: number | null,
  each: (start: number, classes: number, inner: number) => void,
): { valid: number; rows: number } {
  const classes = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const rows = targets.length / classes;
  let valid = 0;
  for (let row = 0; row < rows; row++) {
    const start = Math.floor(row / inner) * classes * inner + (row % inner);
    let ignored = ignore !== null;
    for (let c = 0; ignored && c < classes; c++) ignored = targets[start + c * inner] === ignore;
    if (ignored) continue;
    valid++;
    each(start, classes, inner);
  }
  return { valid, rows };
}

/**
 * For every row t along `axis` the least of -sum t log q over distributions q, which is -sum t log(t / T) with T = sum t;
 * added, with how many rows count and how many there are. A row of nothing but `ignore` does not count.
 */
export function distributionEntropy(
  targets: Float32Array,
  shape: readonly number[],
  axis: number,
  ignore: number | null,
): [sum: number, valid: number, rows: number] {
  let sum = 0;
  const { valid, rows } = eachRow(targets, shape, axis, ignore, (start, classes, inner) => {
    let total = 0;
    let logs = 0;
    for (let c = 0; c < classes; c++) {
      const t = targets[start + c * inner]!;
      total += t;
      if (t > 0) logs += t * Math.log(t);
    }
    if (total > 0) sum += total * Math.log(total) - logs;
  });
  return [sum, valid, rows];
}

/** Adds every class's targets along `axis` to `sums`. Rows count as in {@link distributionEntropy}. */
export function distributionSums(
  targets: Float32Array,
  shape: readonly number[],
  axis: number,
  ignore: number | null,
  sums: number[],
): { valid: number; rows: number } {
  return eachRow(targets, shape, axis, ignore, (start, classes, inner) => {
    for (let c = 0; c < classes; c++) sums[c]! += targets[start + c * inner]!;
  });
}
