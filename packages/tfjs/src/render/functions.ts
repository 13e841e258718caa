import type { TensorFlow, TfTensor } from '../tf.js';
import type { Dialect } from './dialect.js';
import { composedExp, composedLog, composedLog1p, composedPow, log1pSeries } from './elementary.js';
import type { Value } from './expressions.js';

// Up to this many numbers tf.sum adds at once: at most 15 roundings.
const AT_ONCE = 16;

/** Functions in the form that keeps their digits on a backend. To be called inside tf.tidy. */
export class Functions {
  readonly #tf: TensorFlow;
  readonly #dialect: Dialect;

  constructor(tf: TensorFlow, dialect: Dialect) {
    this.#tf = tf;
    this.#dialect = dialect;
  }

  exp(x: TfTensor): TfTensor {
    return this.#dialect.exactFunctions ? this.#tf.exp(x) : composedExp(this.#tf, x);
  }

  log(x: TfTensor): TfTensor {
    return this.#dialect.exactFunctions ? this.#tf.log(x) : composedLog(this.#tf, x);
  }

  /** log(1 + a) */
  log1p(a: TfTensor): TfTensor {
    const tf = this.#tf;
    if (this.#dialect.exactLog1p) return tf.log1p(a);
    if (!this.#dialect.exactFunctions) return composedLog1p(tf, a);
    const v = tf.add(a, 1);
    const log = tf.log(v);
    // Outside (-0.5, 3.5) the correction is 0 or less than half an ulp, and 0/0 or inf - inf at the ends.
    const near = tf.less(tf.abs(tf.sub(a, 1.5)), 2);
    return tf.where(near, tf.add(log, this.#correction(a, v)), log);
  }

  /** log(1 + u) for u in [0, 1], or NaN. */
  log1pOfUnit(u: TfTensor): TfTensor {
    const tf = this.#tf;
    if (this.#dialect.exactLog1p) return tf.log1p(u);
    if (!this.#dialect.exactFunctions) return log1pSeries(tf, u);
    const v = tf.add(u, 1);
    return tf.add(tf.log(v), this.#correction(u, v));
  }

  pow(a: Value, b: Value): TfTensor {
    if (!this.#dialect.exactFunctions && typeof b === 'number')
      return composedPow(this.#tf, this.#tensor(a), b);
    return this.#tf.pow(this.#tensor(a), this.#tensor(b));
  }

  div(a: Value, b: Value): TfTensor {
    const tf = this.#tf;
    const quotient = tf.div(a, b);
    const isPlain = (value: Value): boolean =>
      typeof value === 'number' && Number.isFinite(value) && value !== 0;
    if (this.#dialect.exactDivision || isPlain(a) || isPlain(b)) return quotient;
    // Equal to twice itself: 0 and the infinities.
    const isEnd = tf.equal(tf.add(a, a), a);
    return tf.where(tf.logicalAnd(tf.equal(a, b), isEnd), tf.scalar(NaN), quotient);
  }

  /** The maximum along axis 1, NaN where there is one. */
  max(elements: TfTensor): TfTensor {
    const tf = this.#tf;
    if (this.#dialect.exactMax) return tf.max(elements, 1, true);
    return byHalves(tf, elements.clone(), 1, (a, b) => this.extreme(a, b, (x, y) => tf.less(y, x)));
  }

  /**
   * The sum along axis 1. In float32 a running sum of n numbers is off by up to n/2^24 of them; adding the upper half to the lower again and
   * again, by (log2 n + 11)/2^24.
   */
  sum(elements: TfTensor): TfTensor {
    const tf = this.#tf;
    const halved = this.#dialect.wideSums
      ? elements
      : byHalves(tf, elements, AT_ONCE, (a, b) => tf.add(a, b));
    return tf.sum(halved, 1, true);
  }

  isNaN(a: TfTensor): TfTensor {
    return this.#tf.isNaN(a);
  }

  /** min or max: the operand that `beats` the other; NaN where either is NaN. */
  extreme(a: Value, b: Value, beats: (a: Value, b: Value) => TfTensor): TfTensor {
    const tf = this.#tf;
    // With a constant on one side only the other can be NaN: it stays unless the constant beats it.
    if (typeof a === 'number' && !Number.isNaN(a))
      return tf.where(beats(a, b), tf.scalar(a), this.#tensor(b));
    if (typeof b === 'number' && !Number.isNaN(b))
      return tf.where(beats(b, a), tf.scalar(b), this.#tensor(a));
    const [x, y] = [this.#tensor(a), this.#tensor(b)];
    const worse = tf.where(beats(y, x), y, tf.add(x, y));
    return tf.where(beats(x, y), x, tf.where(tf.equal(x, y), x, worse));
  }

  #tensor(value: Value): TfTensor {
    return typeof value === 'number' ? this.#tf.scalar(value) : value;
  }

  /** (a - (v - 1)) / v: what log(v) misses of log(1 + a), v being 1 + a rounded. */
  #correction(a: TfTensor, v: TfTensor): TfTensor {
    const tf = this.#tf;
    return tf.div(tf.sub(a, tf.sub(v, 1)), v);
  }
}

/** Joins the upper half along axis 1 to the lower again and again, until `enough` are left. */
function byHalves(
  tf: TensorFlow,
  elements: TfTensor,
  enough: number,
  join: (a: TfTensor, b: TfTensor) => TfTensor,
): TfTensor {
  let rest = elements;
  const [outer = 1, extent = 1, inner = 1] = elements.shape;
  let count = extent;
  while (count > enough) {
    const half = Math.floor(count / 2);
    const part = (from: number, size: number): TfTensor => tf.slice(rest, [0, from, 0], [outer, size, inner]);
    const joined = join(part(0, half), part(half, half));
    // An odd one out joins the first.
    rest = count % 2 === 0 ? joined : tf.where(isFirst(tf, half), join(joined, part(count - 1, 1)), joined);
    count = half;
  }
  return rest;
}

function isFirst(tf: TensorFlow, count: number): TfTensor {
  return tf.reshape(tf.less(tf.range(0, count), 1), [1, count, 1]);
}
