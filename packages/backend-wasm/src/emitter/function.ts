/** The body of a WebAssembly function, written instruction by instruction. */
import { float64, signed32, unsigned } from './bytes.js';
import { encode, type Opcode } from './opcodes.js';

/** Types of values. */
export type ValueType = 'i32' | 'f32' | 'f64' | 'v128';

/** Codes of the types in the binary format. */
export const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** Index of a parameter or local. */
export type Local = number;

/**
 * Writes a function. `prologue` runs before everything that is written afterwards or before, so that a constant which
 * turns out to be needed in a loop can still be put into a local ahead of it.
 */
export class FunctionBody {
  readonly name: string;
  readonly parameters: number;
  readonly #locals: ValueType[] = [];
  readonly #prologue: number[] = [];
  #bytes: number[] = [];

  /** All parameters are i32; there is no result. */
  constructor(name: string, parameters: number) {
    this.name = name;
    this.parameters = parameters;
  }

  /** A new local. */
  local(type: ValueType): Local {
    this.#locals.push(type);
    return this.parameters + this.#locals.length - 1;
  }

  /** An instruction, with immediates as they stand in the binary format. */
  op(opcode: Opcode, ...immediates: number[]): this {
    this.#bytes.push(...encode(opcode), ...immediates);
    return this;
  }

  get(local: Local): this {
    this.#bytes.push(0x20, ...unsigned(local));
    return this;
  }

  set(local: Local): this {
    this.#bytes.push(0x21, ...unsigned(local));
    return this;
  }

  tee(local: Local): this {
    this.#bytes.push(0x22, ...unsigned(local));
    return this;
  }

  i32(value: number): this {
    this.#bytes.push(0x41, ...signed32(value));
    return this;
  }

  f64(value: number): this {
    this.#bytes.push(0x44, ...float64(value));
    return this;
  }

  /** A load or store with its address on the stack; `lane` for the lane forms. Alignment is a hint, given as 1. */
  memory(opcode: Opcode, offset = 0, lane?: number): this {
    return this.op(opcode, 0, ...unsigned(offset), ...(lane === undefined ? [] : [lane]));
  }

  /** `block ... end`: `exit` leaves it. */
  block(content: (exit: () => void) => void): this {
    return this.#nested(0x02, content);
  }

  /** `loop ... end`: `again` goes back to its start. */
  loop(content: (again: () => void) => void): this {
    return this.#nested(0x03, content);
  }

  /** `if ... end`, with the condition on the stack. */
  ifThen(content: () => void): this {
    return this.#nested(0x04, content);
  }

  #depth = 0;

  #nested(opcode: number, content: (branch: () => void) => void): this {
    this.#bytes.push(opcode, 0x40);
    const depth = ++this.#depth;
    content(() => this.#bytes.push(0x0d, ...unsigned(this.#depth - depth)));
    this.#depth--;
    this.#bytes.push(0x0b);
    return this;
  }

  call(index: number): this {
    this.#bytes.push(0x10, ...unsigned(index));
    return this;
  }

  /** What `content` writes goes to the start of the function. */
  prologue(content: () => void): void {
    const rest = this.#bytes;
    this.#bytes = [];
    content();
    this.#prologue.push(...this.#bytes);
    this.#bytes = rest;
  }

  /** The function as it stands in the code section. */
  encode(): number[] {
    const groups: { count: number; type: ValueType }[] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ count: 1, type });
    }
    const locals = groups.flatMap(({ count, type }) => [...unsigned(count), typeCodes[type]]);
    const body = [...unsigned(groups.length), ...locals, ...this.#prologue, ...this.#bytes, 0x0b];
    return [...unsigned(body.length), ...body];
  }
}
