import { DTypeError, OptionError, ShapeError } from '../errors.js';
import { float16ToNumber } from '../float16.js';
import { checkTensor, formatShape, type Tensor } from '../tensor.js';
import { shapesOf } from '../plan/layout.js';

/**
 * Applies an infogain matrix to targets before the loss (Caffe InfogainLoss): t'_c = sum_l t_l H[l, c].
 * `softmaxCrossEntropy` with the result is Caffe's loss, -sum_l t_l sum_c H[l, c] log q_c. H is a change of targets, so
 * rows of the result need not sum to 1.
 *
 * @param targets int32 labels of shape `shape` without the class axis, or soft targets (float, or uint8 read as n/255)
 *   with K along `axis`
 * @param matrix H, row-major, of shape [K, K]: row l is what label l becomes
 * @param options.axis the class axis of the result; default 1, or 0 for a single row
 * @returns float64 targets with K along `axis`; for labels, the axis is inserted
 *
 * @throws {ShapeError} unless the matrix is square and K long on the class axis
 * @throws {OptionError} for a label outside [0, K)
 */
export function infogainTargets(
  targets: Tensor,
  matrix: Tensor<'float64'> | Tensor<'float32'>,
  options: { readonly axis?: number } = {},
): Tensor<'float64'> {
  checkTensor('targets', targets);
  checkTensor('matrix', matrix);
  const [classes = -1, columns = -1] = matrix.shape;
  if (matrix.shape.length !== 2 || classes !== columns) {
    throw new ShapeError({
      subject: 'matrix',
      found: `shape ${formatShape(matrix.shape)}`,
      expected: 'a square matrix',
    });
  }
  const labels = targets.dtype === 'int32';
  if (matrix.dtype !== 'float64' && matrix.dtype !== 'float32') {
    throw new DTypeError({ subject: 'matrix', found: 'no float', expected: 'float64 or float32' });
  }
  const rank = targets.shape.length + (labels ? 1 : 0);
  const axis = options.axis ?? (rank < 2 ? 0 : 1);
  const resolved = axis < 0 ? axis + rank : axis;
  const shape = labels
    ? [...targets.shape.slice(0, resolved), classes, ...targets.shape.slice(resolved)]
    : targets.shape;
  const { outer, extent, inner } = shapesOf('targets', 'infogainTargets', shape, [axis]).layout;
  if (extent !== classes) {
    throw new ShapeError({
      subject: 'targets',
      found: `${extent} classes in shape ${formatShape(shape)}`,
      expected: `${classes}, as the matrix has`,
    });
  }
  const read = reader(targets);
  const data = new Float64Array(outer * extent * inner);
  for (let row = 0; row < outer * inner; row++) {
    const first = Math.floor(row / inner) * extent * inner + (row % inner);
    if (labels) {
      const label = read(row);
      if (label < 0 || label >= classes) {
        throw new OptionError({
          subject: 'targets',
          found: `label ${label}`,
          expected: `a label below ${classes}`,
        });
      }
      for (let c = 0; c < extent; c++) data[first + c * inner] = matrix.data[label * extent + c] as number;
      continue;
    }
    for (let l = 0; l < extent; l++) {
      const t = read(first + l * inner);
      if (t === 0) continue;
      for (let c = 0; c < extent; c++) {
        const at = first + c * inner;
        data[at] = (data[at] as number) + t * (matrix.data[l * extent + c] as number);
      }
    }
  }
  return { dtype: 'float64', shape, data };
}

function reader({ dtype, data }: Tensor): (index: number) => number {
  if (dtype === 'float16') return (index) => float16ToNumber(data[index] as number);
  if (dtype === 'uint8') return (index) => (data[index] as number) / 255;
  return (index) => data[index] as number;
}
