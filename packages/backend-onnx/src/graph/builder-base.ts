import { serializeModel } from './serialize.js';
import { broadcastShapes, showShape } from './shapes.js';
import {
  BYTES,
  GraphError,
  bytesOf,
  sizeOf,
  toData,
  type GraphDType,
  type Shape,
  type TensorData,
} from './types.js';

/** What a node's attribute can be. Whole numbers become INT; write `float(1)` where the operator wants a FLOAT. */
export type AttributeValue = number | string | readonly number[] | FloatAttribute | TensorAttribute;

/** A FLOAT or FLOATS attribute, made by {@link float}. */
export interface FloatAttribute {
  readonly float: number | readonly number[];
}

/** A TENSOR attribute, made by {@link tensorAttribute}. */
export interface TensorAttribute {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Marks a number (or numbers) as a FLOAT (FLOATS) attribute of a node. */
export function float(value: number | readonly number[]): FloatAttribute {
  return { float: value };
}

/** A tensor as a node's attribute. */
export function tensorAttribute(
  dtype: GraphDType,
  data: ArrayLike<number | bigint | boolean>,
  shape: readonly number[] = [data.length],
): TensorAttribute {
  return { dtype, shape, data: toData(dtype, data) };
}

/** Attributes of a node; `undefined` ones are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** A tensor in a graph: made by a builder, used as an operand of its methods. */
export class Value {
  /** @internal */
  constructor(
    readonly dtype: GraphDType,
    readonly shape: Shape,
    /** The builder that it belongs to. */
    readonly graph: object,
    /** Its name in the serialised graph so far: an output is renamed when it is declared. */
    public name: string,
  ) {}

  /** How many axes it has. Throws {@link GraphError} where that is not known. */
  get rank(): number {
    if (this.shape === null) throw new GraphError(`the rank of '${this.name}' is not known`);
    return this.shape.length;
  }
}

/** A value, or a number that is taken as a constant of the other operand's dtype. */
export type Operand = Value | number;

/** What a generic node's output is, where it is not like the first input. */
export interface OutputSpec {
  dtype?: GraphDType;
  shape?: Shape;
}

/** @internal */
export interface GraphNode {
  readonly opType: string;
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** @internal */
export interface GraphInitializer {
  readonly value: Value;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Settings of a new graph. */
export interface GraphOptions {
  /** The graph's name. Default `'graph'`. */
  name?: string;
  /** ONNX operator set. Default 18: at 22 ONNX Runtime's WebGPU provider has no kernel for several pools and convolutions. */
  opset?: number;
  /** ONNX IR version. Default 9. */
  irVersion?: number;
  /** Written into the model as its producer. Default `'softxent'`. */
  producer?: string;
  /** Free text about the model. */
  description?: string;
  /** Key-value pairs kept in the model file. */
  metadata?: Readonly<Record<string, string>>;
  /**
   * The rank of the constant that a number beside a tensor becomes, all of its sizes 1. Default 0.
   */
  numberRank?: number;
}

/** The part of {@link GraphBuilder} that knows no operator: inputs, constants, nodes, outputs, bytes. */
export class GraphBase {
  readonly options: Required<Omit<GraphOptions, 'description' | 'metadata'>> & GraphOptions;
  readonly #numberShape: readonly number[];
  /** @internal */
  readonly inputs: Value[] = [];
  /** @internal */
  readonly outputs: Value[] = [];
  /** @internal */
  readonly nodes: GraphNode[] = [];
  /** @internal */
  readonly initializers: GraphInitializer[] = [];
  readonly #names = new Set<string>();
  readonly #shared = new Map<string, Value>();
  readonly #produced = new Set<Value>();
  readonly #counts = new Map<string, number>();

  constructor(options: GraphOptions = {}) {
    this.options = {
      name: 'graph',
      opset: 18,
      irVersion: 9,
      producer: 'softxent',
      numberRank: 0,
      ...options,
    };
    this.#numberShape = Array.from({ length: this.options.numberRank }, () => 1);
  }

  /** An input of the graph; sizes given as strings are set anew by every run. Throws where the name is taken. */
  input(name: string, dtype: GraphDType, shape: Shape): Value {
    const value = new Value(dtype, shape, this, this.#take(name));
    this.inputs.push(value);
    return value;
  }

  /** A named tensor that is stored in the model (weights). `data` is kept, not copied, until the graph is serialised. */
  initializer(
    name: string,
    dtype: GraphDType,
    shape: readonly number[],
    data: ArrayLike<number | bigint | boolean>,
  ): Value {
    return this.#store(this.#take(name), dtype, shape, toData(dtype, data));
  }

  /** A stored tensor without a name of its own; equal small constants are shared. `shape` defaults to `[data.length]`. */
  constant(
    dtype: GraphDType,
    data: ArrayLike<number | bigint | boolean>,
    shape: readonly number[] = [data.length],
  ): Value {
    const elements = toData(dtype, data);
    if (elements.byteLength > 256) return this.#store(this.#fresh('const'), dtype, shape, elements);
    // The bytes, not the numbers: 0 and -0 are different constants, NaN is equal to itself.
    const key = `${dtype}[${shape.join()}]${bytesOf(elements).join()}`;
    let value = this.#shared.get(key);
    if (value === undefined) {
      value = this.#store(this.#fresh('const'), dtype, shape, elements.slice());
      this.#shared.set(key, value);
    }
    return value;
  }

  /** A shared constant of rank 0. */
  scalar(value: number, dtype: GraphDType = 'float32'): Value {
    return this.constant(dtype, [value], []);
  }

  /** A shared int64 constant of rank 1: axes, sizes, starts. */
  ints(values: readonly number[]): Value {
    return this.constant('int64', values);
  }

  /** The value itself, or the number as a shared constant of `dtype` and of the rank that the graph gives to numbers. */
  operand(value: Operand, dtype: GraphDType): Value {
    return typeof value === 'number' ? this.constant(dtype, [value], this.#numberShape) : value;
  }

  /**
   * Any operator with one output: the escape for what has no method of its own. The output is taken to have the first
   * input's dtype and an unknown shape where `output` does not say otherwise. `null` leaves out an optional input.
   */
  op(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes = {},
    output: OutputSpec = {},
    domain = '',
  ): Value {
    return this.opMany(opType, inputs, attributes, [output], domain)[0]!;
  }

  /** Any operator with several outputs, one per element of `outputs`. */
  opMany(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    outputs: readonly OutputSpec[],
    domain = '',
  ): Value[] {
    for (const [i, value] of inputs.entries()) {
      if (value !== null && value.graph !== this)
        throw new GraphError(`${opType}: input ${i} ('${value.name}') belongs to another graph`);
    }
    const first = inputs.find((value) => value !== null);
    const name = this.#fresh(opType);
    const values = outputs.map((spec, i) => {
      const dtype = spec.dtype ?? first?.dtype;
      if (dtype === undefined)
        throw new GraphError(`${opType}: no input to take the dtype of output ${i} from`);
      return new Value(dtype, spec.shape ?? null, this, i === 0 ? name : this.#take(`${name}_${i}_out`));
    });
    for (const value of values) this.#produced.add(value);
    this.nodes.push({ opType, name, domain, inputs, outputs: values, attributes });
    return values;
  }

  /** Declares an output of the graph and gives it its name. Returns the value that carries that name. */
  output(name: string, value: Value): Value {
    if (value.graph !== this)
      throw new GraphError(`output '${name}': the value '${value.name}' belongs to another graph`);
    // A node's result can be renamed; what is an input, a constant or an output already needs a node that copies it.
    const own = this.#produced.has(value) && !this.outputs.includes(value);
    const result = own ? value : this.op('Identity', [value], {}, { shape: value.shape });
    this.#names.delete(result.name);
    result.name = this.#take(name);
    this.outputs.push(result);
    return result;
  }

  /** Nodes that some output needs, in order. */
  liveNodes(): readonly GraphNode[] {
    const needed = new Set<Value>(this.outputs);
    const live: GraphNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some((value) => needed.has(value))) continue;
      live.push(node);
      for (const value of node.inputs) if (value !== null) needed.add(value);
    }
    return live.toReversed();
  }

  /** How often each operator occurs in what will be serialised. */
  operatorCounts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const node of this.liveNodes()) counts[node.opType] = (counts[node.opType] ?? 0) + 1;
    return counts;
  }

  /** The .onnx file. Nodes and constants that no output needs are left out. Throws where there is no output. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return serializeModel(this);
  }

  /** The operands' common dtype. Throws {@link GraphError} where they differ. */
  protected sameDType(opType: string, values: readonly Value[]): GraphDType {
    const [first] = values;
    if (first === undefined) throw new GraphError(`${opType}: no operands`);
    for (const value of values) {
      if (value.dtype !== first.dtype) {
        throw new GraphError(
          `${opType}: '${first.name}' is ${first.dtype} and '${value.name}' is ${value.dtype}; cast one of them`,
        );
      }
    }
    return first.dtype;
  }

  /** An operator that works element by element and broadcasts. */
  protected elementwise(
    opType: string,
    operands: readonly Operand[],
    attributes: Attributes = {},
    dtype?: GraphDType,
  ): Value {
    const typed = operands.find((operand) => typeof operand !== 'number');
    if (typed === undefined)
      throw new GraphError(`${opType}: every operand is a number; fold it before the graph`);
    const values = operands.map((operand) => this.operand(operand, typed.dtype));
    this.sameDType(opType, values);
    const shape = broadcastShapes(opType, ...values.map((value) => value.shape));
    return this.op(opType, values, attributes, dtype === undefined ? { shape } : { dtype, shape });
  }

  #store(name: string, dtype: GraphDType, shape: readonly number[], data: TensorData): Value {
    if (data.byteLength !== sizeOf(shape) * BYTES[dtype]) {
      throw new GraphError(
        `'${name}': ${data.length} elements for the shape ${showShape(shape)}, which holds ${sizeOf(shape)}`,
      );
    }
    const value = new Value(dtype, shape, this, name);
    this.initializers.push({ value, shape, data });
    return value;
  }

  #take(name: string): string {
    if (name === '') throw new GraphError('a name is empty');
    if (this.#names.has(name)) throw new GraphError(`the name '${name}' is taken`);
    this.#names.add(name);
    return name;
  }

  #fresh(prefix: string): string {
    for (;;) {
      const count = this.#counts.get(prefix) ?? 0;
      this.#counts.set(prefix, count + 1);
      const name = `${prefix}_${count}`;
      if (!this.#names.has(name)) return this.#take(name);
    }
  }
}
