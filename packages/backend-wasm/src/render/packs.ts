/** Bringing operands into the form that stages read: broadcasting, conversion to float32, transposition. */
import { bytesPerElement } from '@softxent/core';
import type { OperandPlan } from '@softxent/core/plan';
import { FunctionBody, type Local } from '../emitter/function.js';
import { load, loadSplat, store, storeSome } from './loads.js';
import { argument } from './layout.js';
import { Vectors, type ConstantPool, type Target } from './vectors.js';

/**
 * `(args, destination, start, count)`: writes the operand's elements from linear index `start` on as float32. May write
 * up to 12 bytes beyond the last.
 */
export function renderPack(
  name: string,
  operand: OperandPlan,
  index: number,
  pool: ConstantPool,
  target: Target,
): FunctionBody {
  const [args, to, start, count] = [0, 1, 2, 3] as const;
  const fn = new FunctionBody(name, 4);
  const table = fn.local('i32');
  fn.prologue(() => fn.get(args).memory('i32.load', argument.table).set(table));
  const v = new Vectors(fn, pool, table, target);
  const size = bytesPerElement(operand.dtype);
  const base = fn.local('i32');
  fn.get(args)
    .memory('i32.load', argument.buffers + 4 * index)
    .set(base);
  const terms = operand.access.kind === 'dense' ? undefined : operand.access.terms;
  const [first] = terms ?? [];
  const repeats = terms !== undefined && (first === undefined || first.divide > 1);

  const from = fn.local('i32');
  const run = fn.local('i32');
  const left = fn.local('i32');
  const value = fn.local('v128');
  fn.block((exit) => {
    fn.loop((again) => {
      fn.get(count).op('i32.eqz');
      exit();
      // Address of the element at `start`.
      fn.get(base);
      if (terms === undefined) fn.get(start).i32(size).op('i32.mul').op('i32.add');
      else {
        for (const { divide, modulo, stride } of terms) {
          fn.get(start).i32(divide).op('i32.div_u').i32(modulo).op('i32.rem_u');
          fn.i32(stride * size)
            .op('i32.mul')
            .op('i32.add');
        }
      }
      fn.set(from);
      // How far the operand goes on like this: contiguous, or the same element.
      if (first === undefined) fn.get(count).set(run);
      else {
        const period = first.divide > 1 ? first.divide : first.modulo;
        fn.i32(period).get(start).i32(period).op('i32.rem_u').op('i32.sub').set(run);
        fn.get(run).get(count).get(run).get(count).op('i32.lt_u').op('select').set(run);
      }
      if (repeats) {
        loadSplat(v, operand.dtype, from)();
        fn.set(value);
      }
      // The last vector may hold more than the run has; the next run writes over it.
      const cursor = fn.local('i32');
      fn.get(to).set(cursor);
      fn.get(run).i32(3).op('i32.add').i32(2).op('i32.shr_u').set(left);
      fn.loop((next) => {
        fn.get(cursor);
        if (repeats) fn.get(value);
        else load(v, operand.dtype, from)();
        fn.memory('v128.store');
        advance(fn, cursor, 16);
        if (!repeats) advance(fn, from, 4 * size);
        fn.get(left).i32(1).op('i32.sub').tee(left);
        next();
      });
      fn.get(to).get(run).i32(2).op('i32.shl').op('i32.add').set(to);
      fn.get(start).get(run).op('i32.add').set(start);
      fn.get(count).get(run).op('i32.sub').set(count);
      fn.i32(1);
      again();
    });
  });
  return fn;
}

function advance(fn: FunctionBody, local: Local, by: number): void {
  fn.get(local).i32(by).op('i32.add').set(local);
}

/**
 * `(from, to, count)`: `count` contiguous rows of `extent` float32 become `extent` planes, `planeBytes` apart. Reads up
 * to three rows beyond the last and writes as far.
 */
export function renderTranspose(name: string, extent: number, planeBytes: number): FunctionBody {
  const [from, to, count] = [0, 1, 2] as const;
  const fn = new FunctionBody(name, 3);
  const rowBytes = 4 * extent;
  groupsOfFour(fn, count, () => {
    let e = 0;
    if (extent === 2) {
      const halves = [loadColumn(fn, from, 0), loadColumn(fn, from, 16)] as const;
      for (; e < 2; e++) {
        fn.get(to)
          .get(shuffle(fn, ...halves, [e, e + 2, e + 4, e + 6]))
          .memory('v128.store', e * planeBytes);
      }
    }
    for (; e + 4 <= extent; e += 4) {
      const rows = [0, 1, 2, 3].map((row) => {
        const local = fn.local('v128');
        fn.get(from)
          .memory('v128.load', row * rowBytes + 4 * e)
          .set(local);
        return local;
      });
      for (const [i, column] of transpose(fn, rows).entries()) {
        fn.get(to)
          .get(column)
          .memory('v128.store', (e + i) * planeBytes);
      }
    }
    for (; e < extent; e++) {
      fn.get(to);
      fn.get(from).memory('v128.load32_zero', 4 * e);
      const column = fn.local('v128');
      fn.set(column);
      for (let row = 1; row < 4; row++) {
        fn.get(from)
          .get(column)
          .memory('v128.load32_lane', row * rowBytes + 4 * e, row)
          .set(column);
      }
      fn.get(column).memory('v128.store', e * planeBytes);
    }
    advance(fn, from, 4 * rowBytes);
    advance(fn, to, 16);
  });
  return fn;
}

/** `(from, to, count)`: the inverse of {@link renderTranspose}; writes exactly `count` rows. */
export function renderUntranspose(name: string, extent: number, planeBytes: number): FunctionBody {
  const [from, to, count] = [0, 1, 2] as const;
  const fn = new FunctionBody(name, 3);
  const rowBytes = 4 * extent;
  const ragged = fn.local('i32');
  fn.get(count).i32(3).op('i32.and').set(ragged);
  fn.get(count).i32(-4).op('i32.and').set(count);
  groupsOfFour(fn, count, () => {
    let e = 0;
    if (extent === 2) {
      const columns = [loadColumn(fn, from, 0), loadColumn(fn, from, planeBytes)] as const;
      for (; e < 2; e++) {
        fn.get(to)
          .get(shuffle(fn, ...columns, [2 * e, 2 * e + 4, 2 * e + 1, 2 * e + 5]))
          .memory('v128.store', 16 * e);
      }
    }
    for (; e + 4 <= extent; e += 4) {
      const columns = [0, 1, 2, 3].map((i) => loadColumn(fn, from, (e + i) * planeBytes));
      for (const [row, local] of transpose(fn, columns).entries()) {
        fn.get(to)
          .get(local)
          .memory('v128.store', row * rowBytes + 4 * e);
      }
    }
    for (; e < extent; e++) {
      const column = loadColumn(fn, from, e * planeBytes);
      for (let row = 0; row < 4; row++) {
        fn.get(to)
          .get(column)
          .memory('v128.store32_lane', row * rowBytes + 4 * e, row);
      }
    }
    advance(fn, from, 16);
    advance(fn, to, 4 * rowBytes);
  });
  for (let row = 0; row < 3; row++) {
    fn.get(ragged)
      .i32(row)
      .op('i32.gt_u')
      .ifThen(() => {
        for (let e = 0; e < extent; e++) {
          fn.get(to)
            .get(loadColumn(fn, from, e * planeBytes))
            .memory('v128.store32_lane', row * rowBytes + 4 * e, row);
        }
      });
  }
  return fn;
}

function loadColumn(fn: FunctionBody, from: Local, offset: number): Local {
  const local = fn.local('v128');
  fn.get(from).memory('v128.load', offset).set(local);
  return local;
}

/** `(args, from, to, count)`: stores `count` float32 as half precision. */
export function renderNarrow(name: string, pool: ConstantPool, target: Target): FunctionBody {
  const [args, from, to, count] = [0, 1, 2, 3] as const;
  const fn = new FunctionBody(name, 4);
  const table = fn.local('i32');
  fn.prologue(() => fn.get(args).memory('i32.load', argument.table).set(table));
  const v = new Vectors(fn, pool, table, target);
  const ragged = fn.local('i32');
  fn.get(count).i32(3).op('i32.and').set(ragged);
  fn.get(count).i32(-4).op('i32.and').set(count);
  groupsOfFour(fn, count, () => {
    store(v, 'float16', v.let(load(v, 'float32', from)), to);
    advance(fn, from, 16);
    advance(fn, to, 8);
  });
  storeSome(v, 'float16', v.let(load(v, 'float32', from)), to, 0, ragged);
  return fn;
}

/** Calls `body` for every four of `count`, rounded up. */
function groupsOfFour(fn: FunctionBody, count: Local, body: () => void): void {
  const left = fn.local('i32');
  fn.get(count).i32(3).op('i32.add').i32(2).op('i32.shr_u').tee(left);
  fn.ifThen(() => {
    fn.loop((again) => {
      body();
      fn.get(left).i32(1).op('i32.sub').tee(left);
      again();
    });
  });
}

/** Four vectors as the columns of a 4 by 4 matrix, given as its rows. */
function transpose(fn: FunctionBody, rows: readonly Local[]): Local[] {
  const [a, b, c, d] = rows as [Local, Local, Local, Local];
  const [ab, abHigh] = [shuffle(fn, a, b, [0, 4, 1, 5]), shuffle(fn, a, b, [2, 6, 3, 7])];
  const [cd, cdHigh] = [shuffle(fn, c, d, [0, 4, 1, 5]), shuffle(fn, c, d, [2, 6, 3, 7])];
  return [
    shuffle(fn, ab, cd, [0, 1, 4, 5]),
    shuffle(fn, ab, cd, [2, 3, 6, 7]),
    shuffle(fn, abHigh, cdHigh, [0, 1, 4, 5]),
    shuffle(fn, abHigh, cdHigh, [2, 3, 6, 7]),
  ];
}

/** Lanes of two vectors, 0..3 from `a` and 4..7 from `b`. */
function shuffle(fn: FunctionBody, a: Local, b: Local, lanes: readonly number[]): Local {
  const local = fn.local('v128');
  const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));
  fn.get(a)
    .get(b)
    .op('i8x16.shuffle', ...bytes)
    .set(local);
  return local;
}
