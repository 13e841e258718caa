import type { Attributes, GraphDType, Value } from '@softxent/backend-onnx/graph';
import { float } from '@softxent/backend-onnx/graph';
import type { Dims, Operand } from './nodes.js';
import { NodeGraph, range } from './nodes.js';

/** Operators that work element by element, with numpy's broadcasting. */
export class ElementwiseGraph extends NodeGraph {
  #broadcast(...values: readonly Value[]): Dims {
    let result: (number | null)[] = [];
    for (const value of values) {
      const shape = this.sizes(value);
      const rank = Math.max(result.length, shape.length);
      const at = (dims: Dims, i: number): number | null => {
        const place = dims.length - rank + i;
        return place < 0 ? 1 : (dims[place] ?? null);
      };
      const before = result;
      result = range(rank).map((i) => {
        const a = at(before, i);
        const b = at(shape, i);
        if (a !== null && b !== null && a !== b && a !== 1 && b !== 1) {
          throw new RangeError(`[${before.join()}] and [${shape.join()}] ('${value.name}') do not broadcast`);
        }
        return a === 1 ? b : a;
      });
    }
    return result;
  }

  #elementwise(opType: string, operands: readonly Operand[], dtype?: GraphDType): Value {
    const values = operands.map((operand) => this.operand(operand));
    return this.op(opType, values, {}, this.#broadcast(...values), dtype);
  }

  #unary(opType: string, x: Value, attributes: Attributes = {}, dtype?: GraphDType): Value {
    return this.op(opType, [x], attributes, this.sizes(x), dtype);
  }

  add(a: Operand, b: Operand): Value {
    if (b === 0) return this.operand(a);
    return this.#elementwise('Add', [a, b]);
  }

  sub(a: Operand, b: Operand): Value {
    if (b === 0) return this.operand(a);
    return this.#elementwise('Sub', [a, b]);
  }

  mul(a: Operand, b: Operand): Value {
    if (b === 1) return this.operand(a);
    if (a === 1) return this.operand(b);
    return this.#elementwise('Mul', [a, b]);
  }

  div(a: Operand, b: Operand): Value {
    if (b === 1) return this.operand(a);
    return this.#elementwise('Div', [a, b]);
  }

  max(a: Operand, b: Operand): Value {
    return this.#elementwise('Max', [a, b]);
  }

  min(a: Operand, b: Operand): Value {
    return this.#elementwise('Min', [a, b]);
  }

  pow(a: Operand, b: Operand): Value {
    return this.#elementwise('Pow', [a, b]);
  }

  /** The sum of any number of tensors of one shape. */
  sum(values: readonly Value[]): Value {
    return values.slice(1).reduce((total, value) => this.add(total, value), values[0]!);
  }

  neg(x: Value): Value {
    return this.#unary('Neg', x);
  }

  abs(x: Value): Value {
    return this.#unary('Abs', x);
  }

  exp(x: Value): Value {
    return this.#unary('Exp', x);
  }

  log(x: Value): Value {
    return this.#unary('Log', x);
  }

  sqrt(x: Value): Value {
    return this.#unary('Sqrt', x);
  }

  relu(x: Value): Value {
    return this.#unary('Relu', x);
  }

  tanh(x: Value): Value {
    return this.#unary('Tanh', x);
  }

  leakyRelu(x: Value, alpha: number): Value {
    return this.#unary('LeakyRelu', x, { alpha: float(alpha) });
  }

  elu(x: Value, alpha: number): Value {
    return this.#unary('Elu', x, { alpha: float(alpha) });
  }

  /** x between two bounds. */
  clip(x: Value, low: number, high: number): Value {
    return this.op('Clip', [x, this.operand(low), this.operand(high)], {}, this.sizes(x));
  }

  /** 1 where x > 0, else 0: one pass that every execution provider has (x below 3e-39 counts as 0). */
  positive(x: Value): Value {
    return this.#unary('HardSigmoid', x, { alpha: float(3e38), beta: float(0) });
  }

  /** -1, 0 or 1. The operator Sign is not used: WebGPU lacks it. */
  sign(x: Value): Value {
    return this.clip(this.mul(x, 3e38), -1, 1);
  }

  isNaN(x: Value): Value {
    return this.#unary('IsNaN', x, {}, 'bool');
  }

  not(x: Value): Value {
    return this.#unary('Not', x);
  }

  and(a: Value, b: Value): Value {
    return this.#elementwise('And', [a, b], 'bool');
  }

  equal(a: Operand, b: Operand): Value {
    return this.#elementwise('Equal', [a, b], 'bool');
  }

  greater(a: Operand, b: Operand): Value {
    return this.#elementwise('Greater', [a, b], 'bool');
  }

  greaterEqual(a: Operand, b: Operand): Value {
    return this.#elementwise('GreaterOrEqual', [a, b], 'bool');
  }

  where(condition: Value, a: Operand, b: Operand): Value {
    const values = [condition, this.operand(a), this.operand(b)];
    return this.op('Where', values, {}, this.#broadcast(...values), values[1]!.dtype);
  }

  cast(x: Value, dtype: GraphDType): Value {
    if (x.dtype === dtype) return x;
    const codes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 };
    return this.#unary('Cast', x, { to: codes[dtype] }, dtype);
  }

  /** Truth as 0 and 1. */
  indicator(condition: Value): Value {
    return this.cast(condition, 'float32');
  }

  /** A float tensor of whole numbers, cut towards zero, as indices. */
  indices(x: Value): Value {
    // Not int64: WebGPU has none.
    return this.cast(x, 'int32');
  }
}
