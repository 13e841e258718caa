/** Expressions of a plan as WGSL statements. */
import type { Expr, NumberExpr } from '@softxent/core/program';
import type { MathName } from './math.js';

/** A float32 constant as WGSL text; infinities and NaN by their bits, which no constant can hold. */
export function literal(value: number, use: (name: MathName) => void): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded) || Object.is(rounded, -0)) {
    use('bits');
    return `sx_bits(${bitsOf(rounded)})`;
  }
  return rounded < 0 ? `(${rounded}f)` : `${rounded}f`;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of a float32, as a WGSL constant. */
export function bitsOf(value: number): string {
  scratch.setFloat32(0, value);
  return `0x${scratch.getUint32(0).toString(16)}u`;
}

/** What the renderer asks the kernel for. */
export interface Leaves {
  /** A load of an operand, as an expression. */
  operand(name: string): string;
  /** The value of a reduction. */
  reduction(name: string): string;
}

/** Names of values that are in scope; a block inside another sees the outer one's. */
export class Scope {
  readonly #names = new Map<Expr, string>();
  readonly #tails = new Map<Expr, string>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  nameOf(e: Expr): string | undefined {
    return this.#names.get(e) ?? this.#outer?.nameOf(e);
  }

  tailOf(a: Expr): string | undefined {
    return this.#tails.get(a) ?? this.#outer?.tailOf(a);
  }

  setName(e: Expr, name: string): void {
    this.#names.set(e, name);
  }

  setTail(a: Expr, name: string): void {
    this.#tails.set(a, name);
  }
}

/** Renders nodes one by one as `let` statements, and keeps account of the functions that they call. */
export class Renderer {
  readonly #used = new Set<MathName>();
  readonly #leaves: Leaves;
  #next = 0;

  constructor(leaves: Leaves) {
    this.#leaves = leaves;
  }

  /** Functions that the rendered text calls. */
  get used(): ReadonlySet<MathName> {
    return this.#used;
  }

  readonly use = (name: MathName): void => {
    this.#used.add(name);
  };

  /** Statements that compute the nodes, which come operands first, into new names of the scope. */
  statements(nodes: readonly Expr[], scope: Scope): string[] {
    const lines: string[] = [];
    for (const node of nodes) {
      if (scope.nameOf(node) !== undefined) continue;
      const name = `v${this.#next++}`;
      if (node.op === 'logisticTail' || node.op === 'softplusTail') {
        lines.push(...this.#tail(node.a, scope));
      }
      lines.push(`let ${name} = ${this.#compute(node, scope)};`);
      scope.setName(node, name);
    }
    return lines;
  }

  /** A value that was computed before, or a constant. */
  value(e: Expr, scope: Scope): string {
    if (e.op === 'constant') return literal(e.value, this.use);
    if (e.op === 'truth') return String(e.value);
    const name = scope.nameOf(e);
    if (name === undefined) throw new Error(`the plan uses ${e.op} before it is computed`);
    return name;
  }

  /** exp(-|a|), which both tails are made of. */
  #tail(a: NumberExpr, scope: Scope): string[] {
    if (scope.tailOf(a) !== undefined) return [];
    this.use('expNegAbs');
    const name = `e${this.#next++}`;
    const line = `let ${name} = sx_expNegAbs(${this.value(a, scope)});`;
    scope.setTail(a, name);
    return [line];
  }

  #compute(e: Expr, scope: Scope): string {
    const of = (child: Expr): string => this.value(child, scope);
    const call = (name: MathName, ...args: Expr[]): string => {
      this.use(name);
      return `sx_${name}(${args.map(of).join(', ')})`;
    };
    switch (e.op) {
      case 'constant':
      case 'truth':
        return of(e);
      case 'operand':
        return this.#leaves.operand(e.name);
      case 'reduction':
        return this.#leaves.reduction(e.name);
      case 'parameter':
        return 'params.scale';
      case 'position':
        return 'f32(e)';
      case 'extent':
        throw new Error('a plan holds its extent as a constant');
      case 'neg':
        return `-${of(e.a)}`;
      case 'abs':
        return `abs(${of(e.a)})`;
      case 'exp':
        return e.a.op === 'sub' ? call('expOfDifference', e.a.a, e.a.b) : call('exp', e.a);
      case 'log':
      case 'log1p':
      case 'sqrt':
      case 'isNaN':
        return call(e.op, e.a);
      case 'logisticTail':
        this.use('logisticOf');
        return `sx_logisticOf(${scope.tailOf(e.a) as string})`;
      case 'softplusTail':
        this.use('softplusOf');
        return `sx_softplusOf(${scope.tailOf(e.a) as string})`;
      case 'add':
        return `${of(e.a)} + ${of(e.b)}`;
      case 'sub':
      case 'div':
        // x - x and x / x are NaN for infinities; a compiler may take them for 0 and 1.
        return `${e.a === e.b ? this.#opaque(of(e.a)) : of(e.a)} ${e.op === 'sub' ? '-' : '/'} ${of(e.b)}`;
      case 'mul':
        return `${this.#factor(e.a, scope)} * ${this.#factor(e.b, scope)}`;
      case 'min':
      case 'max':
      case 'pow':
        return call(e.op, e.a, e.b);
      case 'select':
        return `select(${of(e.b)}, ${of(e.a)}, ${of(e.condition)})`;
      case 'lt':
      case 'le':
      case 'eq':
        return this.#compare(e.op, e.a, e.b, scope);
      case 'and':
        return `${of(e.a)} && ${of(e.b)}`;
      case 'or':
        return `${of(e.a)} || ${of(e.b)}`;
      case 'not':
        return `!${of(e.a)}`;
    }
  }

  #opaque(text: string): string {
    this.use('opaque');
    return `sx_opaque(${text})`;
  }

  // 0 * NaN is NaN, but a compiler may take it for 0 where it sees the 0.
  #factor(e: NumberExpr, scope: Scope): string {
    const text = this.value(e, scope);
    return e.op === 'constant' && Math.fround(e.value) === 0 ? this.#opaque(text) : text;
  }

  #compare(op: 'lt' | 'le' | 'eq', a: NumberExpr, b: NumberExpr, scope: Scope): string {
    if (b.op === 'constant' && Number.isFinite(b.value)) {
      return compareWithConstant(op, this.value(a, scope), Math.fround(b.value), false);
    }
    if (a.op === 'constant' && Number.isFinite(a.value)) {
      return compareWithConstant(op, this.value(b, scope), Math.fround(a.value), true);
    }
    this.use(op);
    return `sx_${op}(${this.value(a, scope)}, ${this.value(b, scope)})`;
  }
}

/**
 * `x op c`, or `c op x` when flipped, on the bits of x: positive numbers, as integers, are in their order, negative ones in
 * the reverse, and NaN lies beyond the infinities on either side.
 */
function compareWithConstant(op: 'lt' | 'le' | 'eq', x: string, c: number, flipped: boolean): string {
  const u = `bitcast<u32>(${x})`;
  const isZero = `(${u} & 0x7fffffffu) == 0u`;
  if (op === 'eq') return c === 0 ? isZero : `${u} == ${bitsOf(c)}`;
  const strict = op === 'lt';
  const limit = bitsOf(Math.abs(c));
  const negative = bitsOf(-Math.abs(c));
  if (flipped) {
    // c < x
    if (c > 0) return `${u} ${strict ? '>' : '>='} ${limit} && ${u} <= 0x7f800000u`;
    if (c === 0) {
      const above = `${u} - 1u < 0x7f800000u`;
      return strict ? above : `${u} <= 0x7f800000u || ${u} == 0x80000000u`;
    }
    return `${u} <= 0x7f800000u || (${u} >= 0x80000000u && ${u} ${strict ? '<' : '<='} ${negative})`;
  }
  // x < c
  if (c < 0) return `${u} ${strict ? '>' : '>='} ${negative} && ${u} <= 0xff800000u`;
  if (c === 0) {
    const below = `${u} - 0x80000001u < 0x7f800000u`;
    return strict ? below : `${u} - 0x80000000u <= 0x7f800000u || ${u} == 0u`;
  }
  return `${u} ${strict ? '<' : '<='} ${limit} || (${u} >= 0x80000000u && ${u} <= 0xff800000u)`;
}
