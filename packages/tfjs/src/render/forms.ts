import type { Layout, OperandPlan } from '@softxent/core/plan';

/** Sizes in canonical order. */
export type Dims3 = [outer: number, extent: number, inner: number];

/** The canonical sizes of what has one number a row or one an element. */
export function dimsOf(layout: Layout, level: 'row' | 'element'): Dims3 {
  return [layout.outer, level === 'row' ? 1 : layout.extent, layout.inner];
}

/**
 * How an operand's numbers become a tensor of rank 3 that broadcasts to canonical order: they are shaped as `own`, expanded to `full`
 * where that differs, and shaped as `result`.
 */
export interface OperandForm {
  readonly own: readonly number[];
  readonly full: readonly number[];
  readonly result: Dims3;
}

/** A stretch of the linear index from `from` to `to`, along which the operand varies (`own`) or is repeated. */
interface Factor {
  readonly from: number;
  readonly to: number;
  readonly own: boolean;
}

function factorsOf({ access }: OperandPlan, total: number): Factor[] {
  if (access.kind === 'dense') return [{ from: 1, to: total, own: true }];
  const factors: Factor[] = [];
  let at = 1;
  for (const { divide, modulo } of access.terms) {
    if (divide > at) factors.push({ from: at, to: divide, own: false });
    at = divide * modulo;
    factors.push({ from: divide, to: at, own: true });
  }
  if (at < total) factors.push({ from: at, to: total, own: false });
  return factors;
}

/** The form of an operand in a plan of this layout. No size is 0. */
export function formOf(operand: OperandPlan, layout: Layout): OperandForm {
  const dims = dimsOf(layout, operand.level);
  const [outer, extent, inner] = dims;
  const factors = factorsOf(operand, outer * extent * inner);
  const axes = [
    { from: extent * inner, size: outer },
    { from: inner, size: extent },
    { from: 1, size: inner },
  ];
  // Where no factor's end cuts through an axis, TensorFlow.js's broadcasting does the rest.
  const whole = axes.map(({ from, size }) =>
    size === 1 ? { own: false } : factors.find((factor) => factor.from <= from && from * size <= factor.to),
  );
  if (whole.every((factor) => factor !== undefined)) {
    const result = dims.map((size, i) => (whole[i]?.own ? size : 1)) as Dims3;
    return { own: result, full: result, result };
  }
  const outermostFirst = factors.toReversed();
  return {
    own: outermostFirst.map(({ from, to, own }) => (own ? to / from : 1)),
    full: outermostFirst.map(({ from, to }) => to / from),
    result: dims,
  };
}
