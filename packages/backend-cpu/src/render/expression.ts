/** Expressions as JavaScript source. Everything is computed in double precision, whatever the operands' dtype. */
import {
  childrenOf,
  isCompare,
  isTruth,
  type Expr,
  type NumberExpr,
  type TruthExpr,
} from '@softxent/core/program';
import type { Plan } from '@softxent/core/plan';
import { limit, steps } from '../tables.js';

/** How leaves are read; the loop around an expression knows. */
export interface Leaves {
  /** Source that reads an operand for the current row or element. */
  operand(name: string): string;
  /** Source for 1 where the operand's sign bit is clear and 0 where it is set, if its bits can be read. */
  signOf(name: string): string | undefined;
  reduction(name: string): string;
  readonly position: string;
}

/** Emits statements that compute expressions, each once, into local constants. */
export class ExpressionWriter {
  readonly #names = new Map<Expr, string>();
  /** Signs (1 or 0) by operand, once computed. */
  readonly #signs = new Map<string, string>();
  readonly #tailNodes = new Map<NumberExpr, Expr[]>();
  /** Nodes that need no statement of their own, because every user folds them away. */
  readonly #folded: ReadonlySet<Expr>;
  readonly #fast: boolean;
  #next = 0;

  /** `fast`: results are float32, so that the tables are exact enough. */
  constructor(plan: Plan, fast: boolean) {
    this.#fast = fast;
    const nodes = new Set(plan.stages.flatMap((stage) => stage.nodes));
    for (const e of nodes) {
      if (e.op !== 'logisticTail' && e.op !== 'softplusTail') continue;
      this.#tailNodes.set(e.a, [...(this.#tailNodes.get(e.a) ?? []), e]);
    }
    const roots = [...plan.reductions, ...plan.outputs, ...plan.totals].map((item) => item.of);
    this.#folded = foldedNodes(nodes, new Set<Expr>(roots));
  }

  /** Whether tables are read by what was written. */
  readonly uses = { tails: false, exp: false };

  /** The local (or literal) that holds an expression, which must have been written or be constant. */
  name(e: Expr): string {
    if (e.op === 'constant') return literal(e.value);
    if (e.op === 'truth') return String(e.value);
    const name = this.#names.get(e);
    if (name === undefined) throw new Error(`expression used before it is computed: ${e.op}`);
    return name;
  }

  /** Forgets what was computed within an inner loop: its locals are out of scope. */
  scope<T>(body: () => T): T {
    const names = new Map(this.#names);
    const signs = new Map(this.#signs);
    const result = body();
    this.#names.clear();
    for (const [e, name] of names) this.#names.set(e, name);
    this.#signs.clear();
    for (const [e, name] of signs) this.#signs.set(e, name);
    return result;
  }

  /** Statements that compute these nodes, in order. */
  statements(nodes: readonly Expr[], leaves: Leaves): string[] {
    const out: string[] = [];
    for (const e of nodes) {
      if (!this.#names.has(e) && !this.#folded.has(e)) this.#statement(e, leaves, out);
    }
    return out;
  }

  #fresh(prefix = 'v'): string {
    return `${prefix}${this.#next++}`;
  }

  #statement(e: Expr, leaves: Leaves, out: string[]): void {
    if (e.op === 'reduction') {
      this.#names.set(e, leaves.reduction(e.name));
      return;
    }
    if (e.op === 'position') {
      this.#names.set(e, leaves.position);
      return;
    }
    if (e.op === 'parameter') {
      this.#names.set(e, e.name);
      return;
    }
    if (this.#fast && (e.op === 'logisticTail' || e.op === 'softplusTail')) {
      this.#tails(e.a, out);
      return;
    }
    const name = this.#fresh();
    if (this.#fast && e.op === 'exp') this.#exp(name, this.name(e.a), out);
    else if (e.op === 'select') this.#select(e, name, leaves, out);
    else out.push(`const ${name} = ${isTruth(e) ? this.#truth(e) : this.#number(e, leaves)};`);
    this.#names.set(e, name);
  }

  /** Both tails of one argument from one table read. */
  #tails(a: NumberExpr, out: string[]): void {
    this.uses.tails = true;
    const [q, l, u, k, h, c2, c3] = ['q', 'l', 'u', 'k', 'h', 'c', 'd'].map((prefix) => this.#fresh(prefix));
    const magnitude = this.#fresh('a');
    out.push(
      `const ${magnitude} = Math.abs(${this.name(a)});`,
      `let ${q} = 0, ${l} = 0;`,
      `if (${magnitude} < ${limit}) {`,
      `  const ${u} = ${magnitude} * ${steps}, ${k} = ${u} | 0, ${h} = ${u} - ${k} - 0.5;`,
      `  const ${c2} = tails[4 * ${k} + 2], ${c3} = tails[4 * ${k} + 3] * ${h};`,
      `  ${l} = tails[4 * ${k}] + ${h} * (tails[4 * ${k} + 1] + ${h} * (${c2} + ${c3}));`,
      `  ${q} = -${steps} * (tails[4 * ${k} + 1] + ${h} * (2 * ${c2} + 3 * ${c3}));`,
      `} else {`,
      `  const ${u} = Math.exp(-${magnitude});`,
      `  ${l} = Math.log1p(${u});`,
      `  ${q} = ${u} / (1 + ${u});`,
      `}`,
    );
    for (const node of this.#tailNodes.get(a) ?? []) {
      this.#names.set(node, (node.op === 'logisticTail' ? q : l) as string);
    }
  }

  #exp(name: string, a: string, out: string[]): void {
    this.uses.exp = true;
    const [u, k, h] = ['u', 'k', 'h'].map((prefix) => this.#fresh(prefix));
    out.push(
      `let ${name} = 0;`,
      `if (${a} <= 0 && ${a} > -${limit}) {`,
      `  const ${u} = ${a} * -${steps}, ${k} = (${u} + 0.5) | 0, ${h} = (${k} - ${u}) * ${1 / steps};`,
      `  ${name} = exps[${k}] * (1 + ${h} * (1 + ${h} * (0.5 + ${h} * (${1 / 6} + ${h} * ${1 / 24}))));`,
      `} else ${name} = Math.exp(${a});`,
    );
  }

  #number(e: NumberExpr, leaves: Leaves): string {
    const sub = (child: Expr): string => this.name(child);
    switch (e.op) {
      case 'operand':
        return leaves.operand(e.name);
      case 'neg':
        return `-${sub(e.a)}`;
      case 'abs':
      case 'exp':
      case 'log':
      case 'log1p':
      case 'sqrt':
        return `Math.${e.op}(${sub(e.a)})`;
      case 'logisticTail':
        return `logisticTail(${sub(e.a)})`;
      case 'softplusTail':
        return `Math.log1p(Math.exp(-Math.abs(${sub(e.a)})))`;
      case 'add':
        return `${sub(e.a)} + ${sub(e.b)}`;
      case 'sub':
        return `${sub(e.a)} - ${sub(e.b)}`;
      case 'mul':
        return `${sub(e.a)} * ${sub(e.b)}`;
      case 'div':
        return `${sub(e.a)} / ${sub(e.b)}`;
      case 'min':
      case 'max':
      case 'pow':
        return `Math.${e.op}(${sub(e.a)}, ${sub(e.b)})`;
      default:
        throw new Error(`no JavaScript for ${e.op}`);
    }
  }

  #truth(e: TruthExpr): string {
    const sub = (child: Expr): string => this.name(child);
    if (isCompare(e)) return `${sub(e.a)} ${{ lt: '<', le: '<=', eq: '===' }[e.op]} ${sub(e.b)}`;
    switch (e.op) {
      case 'isNaN':
        return `${sub(e.a)} !== ${sub(e.a)}`;
      case 'not':
        return `!${sub(e.a)}`;
      case 'and':
        return `${sub(e.a)} && ${sub(e.b)}`;
      case 'or':
        return `${sub(e.a)} || ${sub(e.b)}`;
      case 'truth':
        return String(e.value);
    }
  }

  #select(e: Extract<NumberExpr, { op: 'select' }>, name: string, leaves: Leaves, out: string[]): void {
    const product = zeroTimes(e);
    if (product !== undefined) {
      // Where the product is a number it is right already: a branch that is never taken in place of one that is a toss-up.
      const a = this.name(product.a);
      out.push(`let ${name} = ${a} * ${this.name(product.b)};`);
      out.push(`if (${name} !== ${name} && ${a} === 0) ${name} = 0;`);
      return;
    }
    const mirrored = signSelect(e);
    const sign = mirrored === undefined ? undefined : this.#sign(mirrored.x, leaves, out);
    if (mirrored !== undefined && sign !== undefined) {
      // s is 1 or 0 and 2s - 1 exact: (2s-1)(one s - t) is one - t or t to the bit, without a branch on the sign of x.
      const turned = `(${sign} + ${sign} - 1)`;
      const difference = `(${literal(mirrored.one)} * ${sign} - ${this.name(mirrored.t)})`;
      const divided = mirrored.divisor === 1 ? '' : ` / ${literal(mirrored.divisor)}`;
      out.push(
        mirrored.tail === undefined
          ? `const ${name} = ${turned} * ${difference}${divided};`
          : `const ${name} = ${difference}${divided} - ${turned} * ${this.name(mirrored.tail)};`,
      );
      return;
    }
    out.push(`const ${name} = ${this.name(e.condition)} ? ${this.name(e.a)} : ${this.name(e.b)};`);
  }

  #sign(x: NumberExpr, leaves: Leaves, out: string[]): string | undefined {
    if (x.op !== 'operand') return undefined;
    const known = this.#signs.get(x.name);
    if (known !== undefined) return known;
    const source = leaves.signOf(x.name);
    if (source === undefined) return undefined;
    const name = this.#fresh('s');
    out.push(`const ${name} = ${source};`);
    this.#signs.set(x.name, name);
    return name;
  }
}

function foldedNodes(nodes: ReadonlySet<Expr>, roots: ReadonlySet<Expr>): ReadonlySet<Expr> {
  const used = new Set<Expr>(roots);
  for (const e of nodes) {
    const folding = e.op === 'select' ? zeroTimes(e) : undefined;
    for (const child of folding === undefined ? childrenOf(e) : [folding.a, folding.b]) used.add(child);
  }
  return new Set([...nodes].filter((e) => !used.has(e)));
}

/** `select(a == 0, 0, a * b)`, the form that keeps 0 * infinity at 0. */
function zeroTimes(e: Extract<NumberExpr, { op: 'select' }>): { a: NumberExpr; b: NumberExpr } | undefined {
  const { condition, a, b } = e;
  if (condition.op !== 'eq' || a.op !== 'constant' || a.value !== 0 || b.op !== 'mul') return undefined;
  const zero = [condition.a, condition.b].find((side) => side.op === 'constant' && side.value === 0);
  const factor = zero === condition.a ? condition.b : condition.a;
  if (zero === undefined || factor.op === 'constant') return undefined;
  if (b.a === factor) return { a: factor, b: b.b };
  return b.b === factor ? { a: factor, b: b.a } : undefined;
}

/** What a choice by the sign of x amounts to: of (one - t)/divisor or t/divisor, less or plus a tail. */
interface SignSelect {
  readonly x: NumberExpr;
  readonly one: number;
  readonly t: NumberExpr;
  readonly divisor: number;
  readonly tail: NumberExpr | undefined;
}

/** Recognises `select(0 <= x, one - t, t)` and `select(0 <= x, (one - t) - q, q - t)`, t over a constant or not. */
function signSelect({ condition, a, b }: Extract<NumberExpr, { op: 'select' }>): SignSelect | undefined {
  if (condition.op !== 'le' || condition.a.op !== 'constant' || condition.a.value !== 0) return undefined;
  const x = condition.b;
  const plain = mirror(a, b);
  if (plain !== undefined) return { x, ...plain, tail: undefined };
  if (a.op !== 'sub' || b.op !== 'sub' || a.b !== b.a) return undefined;
  const inner = mirror(a.a, b.b);
  return inner === undefined ? undefined : { x, ...inner, tail: a.b };
}

function mirror(no: NumberExpr, yes: NumberExpr): Omit<SignSelect, 'x' | 'tail'> | undefined {
  if (no.op === 'div' && yes.op === 'div' && no.b === yes.b && no.b.op === 'constant') {
    const inner = mirror(no.a, yes.a);
    return inner === undefined || inner.divisor !== 1 ? undefined : { ...inner, divisor: no.b.value };
  }
  if (no.op !== 'sub' || no.a.op !== 'constant' || no.b !== yes) return undefined;
  return { one: no.a.value, t: yes, divisor: 1 };
}

/** A number as JavaScript source. */
export function literal(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Object.is(value, -0)) return '(-0)';
  return value < 0 ? `(${value})` : String(value);
}
