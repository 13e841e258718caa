/** What the functions of all stages have in common. */
import { walk, type Expr, type Stage } from '@softxent/core/program';
import { FunctionBody, type Local } from '../emitter/function.js';
import { Pipeline } from '../emitter/pipeline.js';
import { Renderer, type Facts, type Leaves } from './expression.js';
import {
  argument,
  constantsUnder,
  countOffset,
  readUnder,
  tileAddress,
  type CacheForm,
  type KernelLayout,
} from './layout.js';
import { Vectors, type ConstantPool, type Target, type Term } from './vectors.js';

/** Parameters of every function that works on a tile. */
export const args: Local = 0;
export const scratch: Local = 1;

/** Instructions of a body, at most, of which several iterations are under way: the code is as long three times over. */
const longestPipelined = 300;

/** A pointer that moves through memory as a loop runs. */
export interface Cursor {
  readonly local: Local;
  /** Bytes that one vector of four elements takes. */
  readonly step: number;
}

/** A value that is kept between stages, in this stage. */
export interface Cache {
  readonly of: Expr;
  readonly form: CacheForm;
  /** Address at the first row of a group's first position (planes), or of the row (lines). */
  readonly base: Local;
  readonly cursor: Cursor;
  /** Whether this stage computes it. */
  readonly isWritten: boolean;
}

/** A function for one stage of a tile. */
export class StageFunction {
  readonly fn: FunctionBody;
  readonly v: Vectors;
  readonly layout: KernelLayout;
  readonly facts: Facts;
  /** Rows in the tile. */
  readonly count: Local;
  readonly #constants = new Map<Expr, Term>();
  #isHasty = false;

  constructor(
    name: string,
    layout: KernelLayout,
    roots: readonly Expr[],
    pool: ConstantPool,
    target: Target,
    summedProducts: ReadonlySet<Expr> = new Set(),
  ) {
    const fn = new FunctionBody(name, 2);
    this.fn = fn;
    this.layout = layout;
    this.facts = this.#factsOf(roots, summedProducts);
    const table = fn.local('i32');
    fn.prologue(() => fn.get(args).memory('i32.load', argument.table).set(table));
    this.v = new Vectors(fn, pool, table, target);
    this.count = fn.local('i32');
    fn.get(scratch).memory('i32.load', countOffset).set(this.count);
    const renderer = this.renderer((e) => {
      if (e.op === 'parameter') {
        return this.v.let(() => fn.get(args).memory('v128.load32_splat', argument.scale));
      }
      return undefined;
    });
    for (const e of constantsUnder(roots, layout.levelOf)) this.#constants.set(e, renderer.term(e));
  }

  /** Whether some product may be NaN where it should be 0. */
  get isHasty(): boolean {
    return this.#isHasty;
  }

  #factsOf(roots: readonly Expr[], summedProducts: ReadonlySet<Expr>): Facts {
    const { plan } = this.layout;
    const softplusTails = new Set<Expr>();
    walk(roots, (e) => {
      if (e.op === 'softplusTail') softplusTails.add(e.a);
    });
    return {
      isNeverPositive(e) {
        // x - max x is never positive.
        if (e.op === 'neg') return e.a.op === 'abs';
        if (e.op !== 'sub' || e.b.op !== 'reduction') return false;
        const { name } = e.b;
        return plan.reductions.some((r) => r.op === 'max' && r.name === name && r.of === e.a);
      },
      needsSoftplusTail: (e) => softplusTails.has(e),
      mayBeNaN: (e) => {
        const isSummed = summedProducts.has(e);
        this.#isHasty ||= isSummed;
        return isSummed;
      },
    };
  }

  renderer(leaves: Leaves): Renderer {
    return new Renderer(this.v, (e) => this.#constants.get(e) ?? leaves(e), this.facts);
  }

  /** Everything that is read under the roots and comes from memory. */
  read(roots: readonly Expr[], stage: Stage): readonly Expr[] {
    const own = new Set<Expr>(stage.nodes);
    const { stored, cached, plan } = this.layout;
    const index = plan.stages.indexOf(stage);
    return readUnder(roots, (e) => {
      const cache = cached.get(e);
      return (stored.has(e) && !own.has(e)) || (cache !== undefined && cache.stage < index);
    });
  }

  /** Element values that this stage reads from an earlier one, or computes for later ones. */
  caches(stage: Stage): readonly Cache[] {
    const { cached, plan } = this.layout;
    const index = plan.stages.indexOf(stage);
    const own = new Set<Expr>(stage.nodes);
    const caches: Cache[] = [];
    for (const [of, form] of cached) {
      if (!own.has(of) || form.stage > index) continue;
      const base = this.fn.local('i32');
      this.fn.get(scratch).i32(form.offset).op('i32.add').set(base);
      const cursor = { local: this.fn.local('i32'), step: 16 };
      caches.push({ of, form, base, cursor, isWritten: form.stage === index });
    }
    return caches;
  }

  /** The tile's address of an operand or output. */
  address(index: number): Local {
    const local = this.fn.local('i32');
    this.fn.get(scratch).memory('i32.load', tileAddress(index)).set(local);
    return local;
  }

  /** A copy of a pointer or number. */
  copy(from: Local): Local {
    const local = this.fn.local('i32');
    this.fn.get(from).set(local);
    return local;
  }

  increase(local: Local, by: number): void {
    this.fn.get(local).i32(by).op('i32.add').set(local);
  }

  decrease(local: Local): void {
    this.fn.get(local).i32(1).op('i32.sub').set(local);
  }

  advance(cursors: readonly Cursor[], vectors = 1): void {
    for (const { local, step } of cursors) this.increase(local, vectors * step);
  }

  /**
   * `body`, which handles so many vectors, to be run with several of its iterations under way; undefined where it is so
   * long that there is enough to do in one.
   */
  pipeline(cursors: readonly Cursor[], vectors: number, body: () => void): Pipeline | undefined {
    const before = this.fn.locals;
    const recording = this.fn.record(body);
    if (recording.nodes.length > longestPipelined) return undefined;
    const moves = new Map(cursors.map(({ local, step }) => [local, vectors * step]));
    return new Pipeline(this.fn, recording, moves, before, { base: scratch, ...this.layout.pipeline });
  }

  /** Runs `body` `times` times, where that is not 0; counts the local down to 0. */
  repeat(times: Local, body: () => void): void {
    const { fn } = this;
    fn.get(times).ifThen(() => {
      fn.loop((again) => {
        body();
        fn.get(times).i32(1).op('i32.sub').tee(times);
        again();
      });
    });
  }

  /** A mask of the lanes below the number in a local. */
  laneMask(below: Local): Term {
    const { fn, v } = this;
    const lanes = v.let(() => fn.op('v128.const', ...laneNumbers));
    return v.let(() => {
      lanes();
      fn.get(below).op('i32x4.splat').op('i32x4.lt_s');
    });
  }

  store(value: Term, address: Local, offset: number): void {
    this.fn.get(address);
    value();
    this.fn.memory('v128.store', offset);
  }
}

const laneNumbers = [0, 1, 2, 3].flatMap((lane) => [lane, 0, 0, 0]);
