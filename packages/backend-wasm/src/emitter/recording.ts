/** Straight-line code as a graph of values, so that it can be written in another order than it was said in. */
import type { Local } from './function.js';
import type { Opcode } from './opcodes.js';

/** What one instruction computes, or a store. */
export interface Node {
  readonly opcode: Opcode;
  readonly immediates: readonly number[];
  readonly inputs: readonly Input[];
  /** Cycles from its inputs to its result, roughly. */
  readonly latency: number;
  readonly isLoad: boolean;
  readonly isStore: boolean;
}

/** An instruction's result, a local that is set elsewhere, or a number. */
export type Input =
  | { readonly kind: 'node'; readonly node: Node }
  | { readonly kind: 'local'; readonly local: Local }
  | { readonly kind: 'i32'; readonly value: number }
  | { readonly kind: 'f64'; readonly value: number };

const nullary: ReadonlySet<string> = new Set(['v128.const']);
const ternary: ReadonlySet<string> = new Set([
  'v128.bitselect',
  'f32x4.relaxed_madd',
  'f32x4.relaxed_nmadd',
  'i32x4.relaxed_laneselect',
]);
const unary =
  /\.(abs|neg|sqrt|not|trunc|nearest|splat|(convert|extend|promote|demote|trunc_sat)_\w+|load(\d+_(splat|zero))?)$/;

function arityOf(opcode: Opcode): number {
  if (nullary.has(opcode)) return 0;
  if (ternary.has(opcode)) return 3;
  return unary.test(opcode) ? 1 : 2;
}

function latencyOf(opcode: Opcode): number {
  if (opcode.includes('load')) return 7;
  if (opcode.endsWith('.div')) return 11;
  if (opcode.endsWith('.sqrt')) return 14;
  if (opcode.includes('madd')) return 4;
  return /^f(32x4|64x2)\.(add|sub|mul|convert|promote|demote)/.test(opcode) ? 3 : 1;
}

type Kind = Pick<Node, 'latency' | 'isLoad' | 'isStore'> & { readonly arity: number };
const kinds = new Map<Opcode, Kind>();

function kindOf(opcode: Opcode): Kind {
  let kind = kinds.get(opcode);
  if (kind === undefined) {
    kind = {
      arity: arityOf(opcode),
      latency: latencyOf(opcode),
      isLoad: opcode.includes('.load'),
      isStore: opcode.includes('.store'),
    };
    kinds.set(opcode, kind);
  }
  return kind;
}

/** Follows a body's instructions as they are written; see {@link FunctionBody.record}. */
export class Recording {
  /** Every instruction, in order. */
  readonly nodes: Node[] = [];
  readonly #set = new Map<Local, Input>();
  readonly #stack: Input[] = [];

  /** What locals hold at the end. */
  get locals(): ReadonlyMap<Local, Input> {
    return this.#set;
  }

  op(opcode: Opcode, immediates: readonly number[]): void {
    const { arity, ...kind } = kindOf(opcode);
    const inputs: Input[] = [];
    for (let i = arity; i > 0; i--) inputs.unshift(this.#pop());
    const node: Node = { opcode, immediates, inputs, ...kind };
    this.nodes.push(node);
    if (!kind.isStore) this.#stack.push({ kind: 'node', node });
  }

  i32(value: number): void {
    this.#stack.push({ kind: 'i32', value });
  }

  f64(value: number): void {
    this.#stack.push({ kind: 'f64', value });
  }

  get(local: Local): void {
    this.#stack.push(this.#set.get(local) ?? { kind: 'local', local });
  }

  set(local: Local): void {
    this.#set.set(local, this.#pop());
  }

  #pop(): Input {
    const input = this.#stack.pop();
    if (input === undefined) throw new TypeError('nothing is on the stack');
    return input;
  }
}
