import { GraphBase, float, type Operand, type Value } from './builder-base.js';
import { broadcastShapes } from './shapes.js';
import { GraphError, type GraphDType } from './types.js';

/**
 * Operators that work element by element. Operands broadcast by numpy's rule and must have the same dtype; a number becomes
 * a shared constant of the other operand's dtype.
 */
export class ElementwiseOps extends GraphBase {
  /** a + b */
  add(a: Operand, b: Operand): Value {
    return this.elementwise('Add', [a, b]);
  }
  /** a - b */
  sub(a: Operand, b: Operand): Value {
    return this.elementwise('Sub', [a, b]);
  }
  /** a b */
  mul(a: Operand, b: Operand): Value {
    return this.elementwise('Mul', [a, b]);
  }
  /** a / b (whole numbers: truncated) */
  div(a: Operand, b: Operand): Value {
    return this.elementwise('Div', [a, b]);
  }
  /** a^b */
  pow(a: Operand, b: Operand): Value {
    return this.elementwise('Pow', [a, b]);
  }
  /** The smallest of the operands. What NaN gives depends on ONNX Runtime's provider. */
  min(...operands: readonly Operand[]): Value {
    return this.elementwise('Min', operands);
  }
  /** The largest of the operands. What NaN gives depends on ONNX Runtime's provider. */
  max(...operands: readonly Operand[]): Value {
    return this.elementwise('Max', operands);
  }
  /** The sum of all operands; one operand is returned as it is. */
  sum(...operands: readonly Value[]): Value {
    if (operands.length === 0) throw new GraphError('sum: no operands');
    return operands.reduce((total, value) => this.add(total, value));
  }

  /** -x */
  neg(x: Value): Value {
    return this.#unary('Neg', x);
  }
  /** |x| */
  abs(x: Value): Value {
    return this.#unary('Abs', x);
  }
  /** e^x */
  exp(x: Value): Value {
    return this.#unary('Exp', x);
  }
  /** ln x */
  log(x: Value): Value {
    return this.#unary('Log', x);
  }
  /** sqrt x */
  sqrt(x: Value): Value {
    return this.#unary('Sqrt', x);
  }
  /** 1/x */
  reciprocal(x: Value): Value {
    return this.#unary('Reciprocal', x);
  }
  /** -1, 0 or 1. Not on ONNX Runtime's WebGPU provider. */
  sign(x: Value): Value {
    return this.#unary('Sign', x);
  }
  /** The largest whole number that is not above x. */
  floor(x: Value): Value {
    return this.#unary('Floor', x);
  }
  /** The smallest whole number that is not below x. */
  ceil(x: Value): Value {
    return this.#unary('Ceil', x);
  }
  /** tanh x */
  tanh(x: Value): Value {
    return this.#unary('Tanh', x);
  }
  /** max(x, 0). ONNX Runtime's WebGPU provider gives 0 for NaN. */
  relu(x: Value): Value {
    return this.#unary('Relu', x);
  }
  /**
   * 1/(1+e^-x) by ONNX Runtime's own kernel: absolute error about 1e-7, so it is 0 below about -17 on the CPU and CUDA providers.
   * For the digits of small values compose it from Exp.
   */
  sigmoid(x: Value): Value {
    return this.#unary('Sigmoid', x);
  }
  /** x where x >= 0, alpha x elsewhere. */
  leakyRelu(x: Value, alpha = 0.01): Value {
    return this.op('LeakyRelu', [x], { alpha: float(alpha) }, { shape: x.shape });
  }
  /** x where x >= 0, alpha (e^x - 1) elsewhere. */
  elu(x: Value, alpha = 1): Value {
    return this.op('Elu', [x], { alpha: float(alpha) }, { shape: x.shape });
  }
  /** x where x >= 0, slope x elsewhere; the slope is learnt and broadcasts to x. */
  prelu(x: Value, slope: Value): Value {
    return this.op('PRelu', [x, slope], {}, { shape: x.shape });
  }
  /** min(max(alpha x + beta, 0), 1); with alpha = 3e38 and beta = 0 the fastest step function: 1 where x > 0. */
  hardSigmoid(x: Value, alpha = 0.2, beta = 0.5): Value {
    return this.op('HardSigmoid', [x], { alpha: float(alpha), beta: float(beta) }, { shape: x.shape });
  }
  /** min(max(x, low), high); a bound that is not given does not bind. */
  clip(x: Value, low?: number, high?: number): Value {
    const bound = (value: number | undefined): Value | null =>
      value === undefined ? null : this.scalar(value, x.dtype);
    return this.op('Clip', [x, bound(low), bound(high)], {}, { shape: x.shape });
  }
  /** The value under another name. */
  identity(x: Value): Value {
    return this.#unary('Identity', x);
  }
  /** x as `to`; the value itself where it has that dtype already. Fractions are cut off towards 0. */
  cast(x: Value, to: GraphDType): Value {
    if (x.dtype === to) return x;
    const types: Record<GraphDType, number> = {
      float32: 1,
      uint8: 2,
      int32: 6,
      int64: 7,
      bool: 9,
      float16: 10,
      float64: 11,
    };
    return this.op('Cast', [x], { to: types[to] }, { dtype: to, shape: x.shape });
  }

  /** a == b, as bool */
  equal(a: Operand, b: Operand): Value {
    return this.elementwise('Equal', [a, b], {}, 'bool');
  }
  /** a > b, as bool */
  greater(a: Operand, b: Operand): Value {
    return this.elementwise('Greater', [a, b], {}, 'bool');
  }
  /** a >= b, as bool */
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.elementwise('GreaterOrEqual', [a, b], {}, 'bool');
  }
  /** a < b, as bool */
  less(a: Operand, b: Operand): Value {
    return this.elementwise('Less', [a, b], {}, 'bool');
  }
  /** a <= b, as bool */
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.elementwise('LessOrEqual', [a, b], {}, 'bool');
  }
  /** Both of two bools. */
  and(a: Value, b: Value): Value {
    return this.elementwise('And', [a, b], {}, 'bool');
  }
  /** One or both of two bools. */
  or(a: Value, b: Value): Value {
    return this.elementwise('Or', [a, b], {}, 'bool');
  }
  /** The other bool. */
  not(a: Value): Value {
    return this.#unary('Not', a);
  }
  /** a where the condition (bool) holds, b elsewhere. At least one of a and b must be a value. */
  where(condition: Value, a: Operand, b: Operand): Value {
    if (condition.dtype !== 'bool')
      throw new GraphError(`Where: the condition '${condition.name}' is ${condition.dtype}, not bool`);
    const typed = typeof a === 'number' ? b : a;
    if (typeof typed === 'number')
      throw new GraphError('Where: both branches are numbers; make one of them a constant with a dtype');
    const values = [this.operand(a, typed.dtype), this.operand(b, typed.dtype)] as const;
    const dtype = this.sameDType('Where', values);
    return this.op(
      'Where',
      [condition, ...values],
      {},
      {
        dtype,
        shape: broadcastShapes('Where', condition.shape, values[0].shape, values[1].shape),
      },
    );
  }

  #unary(opType: string, x: Value): Value {
    return this.op(opType, [x], {}, { shape: x.shape });
  }
}
