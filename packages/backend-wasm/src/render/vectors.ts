/** Arithmetic on vectors of four float32, as terms that are put together before they are written. */
import type { FunctionBody, Local } from '../emitter/function.js';
import type { Opcode } from '../emitter/opcodes.js';

/** Writes instructions that leave one v128 on the stack. Written as often as it is used; see {@link Vectors.let}. */
export type Term = () => void;

const view = new DataView(new ArrayBuffer(4));

/** The sign bit of a float32. */
export const signBit = 0x80000000 | 0;

/** The bits of a float32. */
export function bitsOf(value: number): number {
  view.setFloat32(0, value, true);
  return view.getInt32(0, true);
}

/**
 * The 32-bit constants of a module. They are read from memory into locals before a loop: engines rebuild an immediate
 * vector in every iteration.
 */
export class ConstantPool {
  readonly #indices = new Map<number, number>();

  indexOf(bits: number): number {
    let index = this.#indices.get(bits);
    if (index === undefined) {
      index = this.#indices.size;
      this.#indices.set(bits, index);
    }
    return index;
  }

  /** The table that functions read: one int32 a constant. */
  get table(): Int32Array {
    return Int32Array.from(this.#indices.keys());
  }
}

/** What a module is written for. */
export interface Target {
  /** Whether the engine has relaxed SIMD: fused multiply-add and lane selection in one instruction. */
  readonly relaxed: boolean;
}

export class Vectors {
  readonly fn: FunctionBody;
  readonly relaxed: boolean;
  readonly #pool: ConstantPool;
  readonly #constants = new Map<number, Local>();
  readonly #table: Local;

  /** `table`: local with the address of the pool's table, set in the prologue. */
  constructor(fn: FunctionBody, pool: ConstantPool, table: Local, target: Target) {
    this.fn = fn;
    this.#pool = pool;
    this.#table = table;
    this.relaxed = target.relaxed;
  }

  /** A 32-bit pattern in every lane. */
  bits(pattern: number): Term {
    let local = this.#constants.get(pattern);
    if (local === undefined) {
      const { fn } = this;
      const made = fn.local('v128');
      fn.prologue(() => {
        fn.get(this.#table)
          .memory('v128.load32_splat', 4 * this.#pool.indexOf(pattern))
          .set(made);
      });
      local = made;
      this.#constants.set(pattern, local);
    }
    return this.local(local);
  }

  /** A float32 in every lane. */
  constant(value: number): Term {
    return this.bits(bitsOf(value));
  }

  local(local: Local): Term {
    return () => this.fn.get(local);
  }

  /** Computes a term now and gives a term that reads the result. */
  let(term: Term): Term {
    const local = this.fn.local('v128');
    term();
    this.fn.set(local);
    return this.local(local);
  }

  unary(opcode: Opcode, a: Term): Term {
    return () => {
      a();
      this.fn.op(opcode);
    };
  }

  binary(opcode: Opcode, a: Term, b: Term): Term {
    return () => {
      a();
      b();
      this.fn.op(opcode);
    };
  }

  add(a: Term, b: Term): Term {
    return this.binary('f32x4.add', a, b);
  }

  sub(a: Term, b: Term): Term {
    return this.binary('f32x4.sub', a, b);
  }

  mul(a: Term, b: Term): Term {
    return this.binary('f32x4.mul', a, b);
  }

  div(a: Term, b: Term): Term {
    return this.binary('f32x4.div', a, b);
  }

  /** a b + c, rounded once where the engine can. */
  madd(a: Term, b: Term, c: Term): Term {
    if (!this.relaxed) return this.add(this.mul(a, b), c);
    return () => {
      a();
      b();
      c();
      this.fn.op('f32x4.relaxed_madd');
    };
  }

  /** c - a b, rounded once where the engine can. */
  nmadd(a: Term, b: Term, c: Term): Term {
    if (!this.relaxed) return this.sub(c, this.mul(a, b));
    return () => {
      a();
      b();
      c();
      this.fn.op('f32x4.relaxed_nmadd');
    };
  }

  /**
   * c0 + c1 x + c2 x^2 + ..., in Estrin's order: as many operations as Horner's, in a third of the time from first to
   * last, which is what bounds a kernel. `square`: x^2, where it is at hand.
   */
  polynomial(x: Term, coefficients: readonly number[], square?: Term): Term {
    const pairs: Term[] = [];
    for (let i = 0; i < coefficients.length; i += 2) {
      const low = this.constant(coefficients[i] as number);
      const high = coefficients[i + 1];
      pairs.push(high === undefined ? low : this.madd(this.constant(high), x, low));
    }
    if (pairs.length === 1) return pairs[0] as Term;
    return this.#combine(pairs, square ?? this.let(this.mul(x, x)));
  }

  /** p0 + p1 y + p2 y^2 + ... */
  #combine(parts: readonly Term[], y: Term): Term {
    const [first, second, third] = parts as [Term, Term, Term?];
    if (third === undefined) return this.madd(second, y, first);
    // Three parts cost no further power of y.
    if (parts.length === 3) return this.madd(this.madd(third, y, second), y, first);
    const pairs: Term[] = [];
    for (let i = 0; i < parts.length; i += 2) {
      const high = parts[i + 1];
      pairs.push(high === undefined ? (parts[i] as Term) : this.madd(high, y, parts[i] as Term));
    }
    return this.#combine(pairs, this.let(this.mul(y, y)));
  }

  /** |a|. With a mask from the pool: engines build their own one for f32x4.abs each time. */
  abs(a: Term): Term {
    return this.and(a, this.bits(0x7fffffff));
  }

  /** -a */
  neg(a: Term): Term {
    return this.xor(a, this.bits(signBit));
  }

  /** The lesser; `a` where either is NaN. */
  pmin(a: Term, b: Term): Term {
    return this.binary('f32x4.pmin', a, b);
  }

  /** The greater; `a` where either is NaN. */
  pmax(a: Term, b: Term): Term {
    return this.binary('f32x4.pmax', a, b);
  }

  and(a: Term, b: Term): Term {
    return this.binary('v128.and', a, b);
  }

  /** a and not b */
  andnot(a: Term, b: Term): Term {
    return this.binary('v128.andnot', a, b);
  }

  xor(a: Term, b: Term): Term {
    return this.binary('v128.xor', a, b);
  }

  or(a: Term, b: Term): Term {
    return this.binary('v128.or', a, b);
  }

  /** `a` where the mask is set, else `b`. Masks are all ones or all zeros in each lane. */
  select(mask: Term, a: Term, b: Term): Term {
    return () => {
      a();
      b();
      mask();
      this.fn.op(this.relaxed ? 'i32x4.relaxed_laneselect' : 'v128.bitselect');
    };
  }

  shift(opcode: 'i32x4.shl' | 'i32x4.shr_s' | 'i32x4.shr_u', a: Term, by: number): Term {
    return () => {
      a();
      this.fn.i32(by).op(opcode);
    };
  }

  /** Lanes of two vectors, 0..3 from `a` and 4..7 from `b`. */
  shuffle(a: Term, b: Term, lanes: readonly [number, number, number, number]): Term {
    return () => {
      a();
      b();
      const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
      this.fn.op('i8x16.shuffle', ...bytes);
    };
  }
}

/** Combines neighbours, then their results: fewer roundings in a row than from the left. */
export function pairwise(parts: readonly Term[], combine: (a: Term, b: Term) => Term): Term {
  const [first, second] = parts;
  if (first === undefined) throw new RangeError('nothing to combine');
  if (second === undefined) return first;
  const half = Math.ceil(parts.length / 2);
  return combine(pairwise(parts.slice(0, half), combine), pairwise(parts.slice(half), combine));
}
