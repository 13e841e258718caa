import type { Layout, OperandPlan } from '@softxent/core/plan';

/**
 * How an operand enters a graph. `direct`: as a tensor of rank 3 in canonical order [outer, extent, inner], with 1 on the axes along which
 * it is repeated, so that ONNX's broadcasting does the rest. `expanded`: its broadcast cuts through a canonical axis; it enters as
 * factors of the axes (`own`, with 1 where it is repeated), is expanded to `full` and then reshaped to canonical order.
 */
export type OperandForm =
  | { readonly kind: 'direct'; readonly dims: Dims3; readonly varies: Varies }
  | {
      readonly kind: 'expanded';
      readonly own: readonly number[];
      readonly full: readonly number[];
      readonly dims: Dims3;
    };

/** Sizes in canonical order. */
export type Dims3 = readonly [outer: number, extent: number, inner: number];
type Varies = readonly [outer: boolean, extent: boolean, inner: boolean];

/** The canonical sizes of what has one number a row or one an element. */
export function dimsOf(layout: Layout, level: 'row' | 'element'): Dims3 {
  return [layout.outer, level === 'row' ? 1 : layout.extent, layout.inner];
}

interface Factor {
  readonly from: number;
  readonly to: number;
  readonly own: boolean;
}

/** The linear index space cut into factors, innermost first, along which the operand varies or is repeated. */
function factorsOf({ access }: OperandPlan, total: number): Factor[] {
  if (access.kind === 'dense') return [{ from: 1, to: total, own: true }];
  const factors: Factor[] = [];
  let at = 1;
  for (const { divide, modulo } of access.terms) {
    if (divide > at) factors.push({ from: at, to: divide, own: false });
    factors.push({ from: divide, to: divide * modulo, own: true });
    at = divide * modulo;
  }
  if (at < total) factors.push({ from: at, to: total, own: false });
  return factors;
}

/** The form of an operand in a plan of this layout. */
export function formOf(operand: OperandPlan, layout: Layout): OperandForm {
  const dims = dimsOf(layout, operand.level);
  const [outer, extent, inner] = dims;
  const factors = factorsOf(operand, outer * extent * inner);
  const covering = (from: number, size: number): Factor | undefined =>
    factors.find((factor) => factor.from <= from && from * size <= factor.to);
  const bounds = [
    [extent * inner, outer],
    [inner, extent],
    [1, inner],
  ] as const;
  const found = bounds.map(([from, size]) => (size === 1 ? 'single' : covering(from, size)));
  if (found.every((factor) => factor !== undefined)) {
    // A single position may be called either; "varies" (where some size is not 1) gives the same graph for more shapes.
    const repeated = access0(operand);
    const varies = found.map((factor) => (factor === 'single' ? !repeated : factor.own));
    return { kind: 'direct', dims, varies: [varies[0]!, varies[1]!, varies[2]!] };
  }
  const sizes = factors.toReversed();
  return {
    kind: 'expanded',
    own: sizes.map(({ from, to, own }) => (own ? to / from : 1)),
    full: sizes.map(({ from, to }) => to / from),
    dims,
  };
}

function access0({ access }: OperandPlan): boolean {
  return access.kind === 'strided' && access.terms.length === 0;
}
