import type { Attributes, GraphDType, Value } from '@softxent/backend-onnx/graph';
import { GraphBuilder } from '@softxent/backend-onnx/graph';
import type { Provider } from '@softxent/backend-onnx/runtime';

/** A tensor of the graph, or a number that stands for a float32 constant. */
export type Operand = Value | number;

/** Sizes per axis; `null` where a size is known only when the graph runs (below a Filter layer). */
export type Dims = readonly (number | null)[];

/** How many elements a shape holds. */
export const count = (shape: readonly number[], from = 0, to = shape.length): number =>
  shape.slice(from, to).reduce((product, size) => product * size, 1);

/** The sizes `0 .. n - 1`. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Nodes, constants, inputs and outputs; equal nodes are shared. */
export class NodeGraph {
  readonly builder = new GraphBuilder({ name: 'net' });
  /** The provider that the graph is for: some have operators that others lack. `null`: it is for any. */
  readonly provider: Provider | null;
  readonly #ids = new WeakMap<Value, number>();
  readonly #seen = new Map<string, Value[]>();
  #count = 0;

  constructor(provider: Provider | null = null) {
    this.provider = provider;
  }

  input(name: string, shape: readonly number[], dtype: GraphDType = 'float32'): Value {
    return this.builder.input(name, dtype, shape);
  }

  output(name: string, value: Value): Value {
    return this.builder.output(name, value);
  }

  constant(
    data: readonly number[] | Float32Array<ArrayBuffer>,
    shape: readonly number[] = [data.length],
  ): Value {
    return this.builder.constant('float32', data, shape);
  }

  ints(data: readonly number[]): Value {
    return this.builder.ints(data);
  }

  /** A constant of one repeated value. */
  filled(shape: readonly number[], value: number): Value {
    return this.constant(new Float32Array(count(shape)).fill(value), shape);
  }

  /** The sizes of a tensor. Throws where one of them depends on data. */
  dims(value: Value): number[] {
    return this.sizes(value).map((size) => {
      if (size === null) throw new RangeError(`a size of '${value.name}' is known only when the net runs`);
      return size;
    });
  }

  /** The sizes of a tensor, with `null` for those that depend on data. */
  sizes(value: Value): Dims {
    if (value.shape === null) throw new RangeError(`the shape of '${value.name}' is not known`);
    return value.shape.map((size) => (typeof size === 'number' ? size : null));
  }

  /** Any operator with one output. */
  op(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    shape: Dims,
    dtype?: GraphDType,
  ): Value {
    return this.opMany(opType, inputs, attributes, [{ shape, ...(dtype && { dtype }) }])[0]!;
  }

  /** Any operator with several outputs, of ONNX's own or of another domain. */
  opMany(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    outputs: readonly { shape: Dims; dtype?: GraphDType }[],
    domain = '',
  ): Value[] {
    const key = `${domain}:${opType}(${inputs.map((input) => (input === null ? '' : this.#id(input))).join()})${JSON.stringify(attributes)}${outputs.length}`;
    let values = this.#seen.get(key);
    if (!values) {
      values = this.builder.opMany(opType, inputs, attributes, outputs, domain);
      this.#seen.set(key, values);
    }
    return values;
  }

  #id(value: Value): number {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#count++;
      this.#ids.set(value, id);
    }
    return id;
  }

  protected operand(x: Operand): Value {
    return typeof x === 'number' ? this.constant([x], []) : x;
  }
}
