import type { TensorFlow, TfTensor } from '../tf.js';
import type { Dialect } from './dialect.js';
import type { Value } from './expressions.js';

/** Elementary functions in the form that keeps their digits on a backend. To be called inside tf.tidy. */
export class Functions {
  readonly #tf: TensorFlow;
  readonly #dialect: Dialect;

  constructor(tf: TensorFlow, dialect: Dialect) {
    this.#tf = tf;
    this.#dialect = dialect;
  }

  exp(x: TfTensor): TfTensor {
    return this.#tf.exp(x);
  }

  log(x: TfTensor): TfTensor {
    return this.#tf.log(x);
  }

  /** log(1 + a) */
  log1p(a: TfTensor): TfTensor {
    const tf = this.#tf;
    if (this.#dialect.exactLog1p) return tf.log1p(a);
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
    const v = tf.add(u, 1);
    return tf.add(tf.log(v), this.#correction(u, v));
  }

  pow(a: Value, b: Value): TfTensor {
    return this.#tf.pow(this.#tensor(a), this.#tensor(b));
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
