/** The body of a WebAssembly function, written instruction by instruction. */
import { float64, signed32, unsigned } from './bytes.js';
import { encode, type Opcode } from './opcodes.js';
import { Recording } from './recording.js';

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
  #recording: Recording | undefined;

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
    if (this.#recording === undefined) this.#bytes.push(...encode(opcode), ...immediates);
    else this.#recording.op(opcode, immediates);
    return this;
  }

  get(local: Local): this {
    if (this.#recording === undefined) this.#bytes.push(0x20, ...unsigned(local));
    else this.#recording.get(local);
    return this;
  }

  set(local: Local): this {
    if (this.#recording === undefined) this.#bytes.push(0x21, ...unsigned(local));
    else this.#recording.set(local);
    return this;
  }

  tee(local: Local): this {
    this.#mustNotRecord();
    this.#bytes.push(0x22, ...unsigned(local));
    return this;
  }

  i32(value: number): this {
    if (this.#recording === undefined) this.#bytes.push(0x41, ...signed32(value));
    else this.#recording.i32(value);
    return this;
  }

  f64(value: number): this {
    if (this.#recording === undefined) this.#bytes.push(0x44, ...float64(value));
    else this.#recording.f64(value);
    return this;
  }

  /** A load or store with its address on the stack; `lane` for the lane forms. Alignment is a hint, given as 1. */
  memory(opcode: Opcode, offset = 0, lane?: number): this {
    return this.instruction(opcode, [0, offset, ...(lane === undefined ? [] : [lane])]);
  }

  /** An instruction with immediates as numbers, which for loads and stores are alignment, offset and lane. */
  instruction(opcode: Opcode, immediates: readonly number[]): this {
    const isMemory = /\.(load|store)/.test(opcode);
    if (this.#recording !== undefined || !isMemory) return this.op(opcode, ...immediates);
    const [alignment = 0, offset = 0, ...lane] = immediates;
    return this.op(opcode, alignment, ...unsigned(offset), ...lane);
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

  #mustNotRecord(): void {
    if (this.#recording !== undefined) throw new TypeError('what is recorded has neither branches nor calls');
  }

  #nested(opcode: number, content: (branch: () => void) => void): this {
    this.#mustNotRecord();
    this.#bytes.push(opcode, 0x40);
    const depth = ++this.#depth;
    content(() => this.#bytes.push(0x0d, ...unsigned(this.#depth - depth)));
    this.#depth--;
    this.#bytes.push(0x0b);
    return this;
  }

  call(index: number): this {
    this.#mustNotRecord();
    this.#bytes.push(0x10, ...unsigned(index));
    return this;
  }

  /** What `content` writes goes to the start of the function. */
  prologue(content: () => void): void {
    const rest = this.#bytes;
    const recording = this.#recording;
    this.#bytes = [];
    this.#recording = undefined;
    content();
    this.#prologue.push(...this.#bytes);
    this.#bytes = rest;
    this.#recording = recording;
  }

  /** Keeps what `content` writes, which has neither branches nor calls, instead of writing it. */
  record(content: () => void): Recording {
    const recording = new Recording();
    this.#recording = recording;
    try {
      content();
    } finally {
      this.#recording = undefined;
    }
    return recording;
  }

  /** How many parameters and locals there are by now. */
  get locals(): number {
    return this.parameters + this.#locals.length;
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
