/** Where a kernel finds things: operands and outputs of a tile, and a thread's scratch memory. */
import type { OperandPlan, OutputPlan, Plan } from '@softxent/core/plan';
import { childrenOf, levels, walk, type Expr, type Level } from '@softxent/core/program';
import { bytesPerElement, type DType } from '@softxent/core';
import type { Geometry } from './geometry.js';
import { factorBytes, splitTotal } from './sums.js';

/** Byte offsets in the block of arguments that a run is given. */
export const argument = {
  scale: 0,
  totals: 4,
  table: 8,
  /** 1 where no tile may be computed twice: an output lies where an operand does. */
  careful: 12,
  /** Addresses of the operands, then of the outputs. */
  buffers: 16,
} as const;

/** How an operand is read inside a tile. */
export interface OperandForm {
  readonly plan: OperandPlan;
  /** Position among operands and outputs. */
  readonly index: number;
  /** `classwise`: one number for each position along the extent, whatever the row. */
  readonly kind: 'direct' | 'packed' | 'transposed' | 'classwise';
  /** As it is read in the tile: float32 once packed. */
  readonly dtype: DType;
  /** Bytes from one position along the extent to the next (planes), or from one row to the next (lines). */
  readonly stride: number;
  /** Scratch offset of the packed tile. */
  readonly packed: number;
  /** Scratch offset of the tile's elements in their own order, before they are transposed. */
  readonly linear: number;
}

/** How an output is written inside a tile. */
export interface OutputForm {
  readonly plan: OutputPlan;
  readonly index: number;
  readonly kind: 'direct' | 'transposed';
  /** As the stages write it: float32 where it is transposed afterwards. */
  readonly dtype: DType;
  readonly stride: number;
  readonly packed: number;
  /** Scratch offset of the tile's elements in their own order, before they are converted; 0 where they are not. */
  readonly linear: number;
}

/** Scratch arrays of a reduction, one float32 for each row of a tile. */
export interface ReductionForm {
  readonly value: number;
  /** Compensation of a sum, NaN mask of a maximum; absent where one step gives the whole. */
  readonly extra: number | undefined;
}

/** An element value that is kept from one pass over the row for later ones: cheaper to read again than to compute. */
export interface CacheForm {
  /** Index of the stage that computes it. */
  readonly stage: number;
  readonly offset: number;
  /** As for operands. */
  readonly stride: number;
}

/** Scratch memory of one thread and the forms of everything in it. */
export interface KernelLayout {
  readonly plan: Plan;
  readonly geometry: Geometry;
  readonly levelOf: (e: Expr) => Level;
  readonly operands: ReadonlyMap<string, OperandForm>;
  readonly outputs: ReadonlyMap<string, OutputForm>;
  readonly reductions: ReadonlyMap<string, ReductionForm>;
  /** Row values that later stages read. */
  readonly stored: ReadonlyMap<Expr, number>;
  /** Element values that later stages read. */
  readonly cached: ReadonlyMap<Expr, CacheForm>;
  /** Scratch offset of each total's float64 sum. */
  readonly totals: readonly number[];
  /** Scratch offset of the factors whose product's logarithm is part of each total; see {@link SoftplusSum}. */
  readonly factors: readonly number[];
  /** Where a pipeline's parts leave what the next one goes on with. */
  readonly pipeline: { readonly offset: number; readonly bytes: number };
  readonly scratchBytes: number;
  readonly argumentBytes: number;
}

/** Scratch offset of the number of rows in the tile. */
export const countOffset = 0;
/** Scratch offset of the tile's address of an operand or output. */
export const tileAddress = (index: number): number => 4 * (index + 1);

/** Positions along the extent that are computed together where lanes are rows. */
export function groupSize(nodes: number, extent: number): number {
  const size = nodes > 60 ? 1 : nodes > 30 ? 2 : 4;
  return Math.min(size, extent);
}

export function layoutOf(plan: Plan, geometry: Geometry): KernelLayout {
  const { arrangement, extent, inner, paddedRows, tileRows } = geometry;
  const buffers = plan.operands.length + plan.outputs.length;
  const vector = (bytes: number): number => Math.ceil(bytes / 16) * 16;
  let end = vector(tileAddress(buffers));
  const take = (bytes: number): number => {
    const at = end;
    // One vector more: the last one of a run may reach beyond it.
    end += vector(bytes) + 16;
    return at;
  };
  const totals = plan.totals.map(() => take(8));
  const factors = plan.totals.map(({ of }) =>
    splitTotal(of).softplus === undefined ? 0 : take(factorBytes(Math.ceil(tileRows / 4))),
  );
  const pipeline = { offset: take(pipelineBytes), bytes: pipelineBytes };
  const planeBytes = 4 * paddedRows;
  const tileBytes = planeBytes * extent;

  const operands = new Map<string, OperandForm>();
  for (const [index, operand] of plan.operands.entries()) {
    const form = { plan: operand, index, dtype: operand.dtype, stride: 0, packed: 0, linear: 0 };
    const packed = { ...form, dtype: 'float32' } as const;
    const size = bytesPerElement(operand.dtype);
    const isDense = operand.access.kind === 'dense';
    if (operand.level === 'row') {
      operands.set(
        operand.name,
        isDense ? { ...form, kind: 'direct' } : { ...packed, kind: 'packed', packed: take(planeBytes) },
      );
    } else if (isClasswise(operand, geometry)) {
      operands.set(operand.name, { ...form, kind: 'classwise' });
    } else if (arrangement === 'lines') {
      const lines = tileRows * extent * 4;
      operands.set(
        operand.name,
        isDense
          ? { ...form, kind: 'direct', stride: extent * size }
          : { ...packed, kind: 'packed', stride: extent * 4, packed: take(lines) },
      );
    } else if (arrangement === 'transposed') {
      const isReady = isDense && operand.dtype === 'float32';
      operands.set(operand.name, {
        ...packed,
        kind: 'transposed',
        stride: planeBytes,
        packed: take(tileBytes),
        linear: isReady ? 0 : take(tileBytes),
      });
    } else {
      operands.set(
        operand.name,
        isDense
          ? { ...form, kind: 'direct', stride: inner * size }
          : { ...packed, kind: 'packed', stride: planeBytes, packed: take(tileBytes) },
      );
    }
  }

  const outputs = new Map<string, OutputForm>();
  for (const [i, output] of plan.outputs.entries()) {
    const { dtype } = output;
    const index = plan.operands.length + i;
    const form = { plan: output, index, kind: 'direct', dtype, stride: 0, packed: 0, linear: 0 } as const;
    if (output.level === 'row') outputs.set(output.name, form);
    else if (arrangement === 'transposed') {
      const packed = take(tileBytes);
      const linear = dtype === 'float32' ? 0 : take(tileBytes);
      const to = { kind: 'transposed', dtype: 'float32', stride: planeBytes } as const;
      outputs.set(output.name, { ...form, ...to, packed, linear });
    } else {
      const stride = bytesPerElement(dtype) * (arrangement === 'lines' ? extent : inner);
      outputs.set(output.name, { ...form, stride });
    }
  }

  const reductions = new Map<string, ReductionForm>();
  for (const stage of plan.stages) {
    const whole = arrangement === 'lines' || groupSize(stage.nodes.length, extent) === extent;
    for (const { name } of stage.reductions) {
      reductions.set(name, { value: take(planeBytes), extra: whole ? undefined : take(planeBytes) });
    }
  }
  const levelOf = levels(new Map(plan.operands.map(({ name, level }) => [name, level])));
  const stored = new Map<Expr, number>();
  for (const e of rowValuesReadLater(plan, levelOf)) stored.set(e, take(planeBytes));
  return {
    plan,
    geometry,
    levelOf,
    operands,
    outputs,
    reductions,
    stored,
    cached: cachesOf(plan, geometry, take),
    totals,
    factors,
    pipeline,
    scratchBytes: end,
    argumentBytes: argument.buffers + 4 * buffers,
  };
}

function isClasswise({ access }: OperandPlan, { extent, inner }: Geometry): boolean {
  if (access.kind === 'dense') return false;
  const [term, ...more] = access.terms;
  return (
    term !== undefined &&
    more.length === 0 &&
    term.divide === inner &&
    term.modulo === extent &&
    term.stride === 1
  );
}

/** Row values that are computed in one stage and read in a later one; operands and reductions are read where they are. */
function rowValuesReadLater(plan: Plan, levelOf: (e: Expr) => Level): Set<Expr> {
  const found = new Set<Expr>();
  for (const stage of plan.stages) {
    const own = new Set(stage.nodes);
    const roots = [...stage.reductions, ...stage.outputs, ...stage.totals].map(({ of }) => of);
    for (const e of [...roots, ...stage.nodes.flatMap(childrenOf)]) {
      const isLeaf = e.op === 'operand' || e.op === 'reduction';
      if (levelOf(e) === 'row' && !own.has(e) && !isLeaf) found.add(e);
    }
  }
  return found;
}

/** Room for 256 vectors: more than any body has that are computed in one part and needed in another. */
const pipelineBytes = 4096;
/** Larger tiles would not stay in cache. */
const largestCache = 2 ** 18;
const expensive: ReadonlySet<string> = new Set([
  'exp',
  'log',
  'log1p',
  'pow',
  'logisticTail',
  'softplusTail',
]);

/** Transcendental functions that more than one pass needs. */
function cachesOf(
  plan: Plan,
  { arrangement, extent, paddedRows, tileRows }: Geometry,
  take: (bytes: number) => number,
): Map<Expr, CacheForm> {
  const cached = new Map<Expr, CacheForm>();
  const isLines = arrangement === 'lines';
  const bytes = 4 * extent * (isLines ? tileRows : paddedRows);
  if (bytes > largestCache) return cached;
  const first = new Map<Expr, number>();
  for (const [index, stage] of plan.stages.entries()) {
    if (stage.level !== 'element') continue;
    for (const e of stage.nodes) {
      if (!expensive.has(e.op)) continue;
      const before = first.get(e);
      if (before === undefined) first.set(e, index);
      else if (!cached.has(e)) {
        cached.set(e, { stage: before, offset: take(bytes), stride: 4 * (isLines ? extent : paddedRows) });
      }
    }
  }
  return cached;
}

/** Nodes that are read under these roots; what `stops` holds for is included but not entered. */
export function readUnder(roots: readonly Expr[], stops: (e: Expr) => boolean): readonly Expr[] {
  const seen = new Set<Expr>();
  const enter = (e: Expr): void => {
    if (seen.has(e)) return;
    if (!stops(e)) for (const child of childrenOf(e)) enter(child);
    seen.add(e);
  };
  for (const root of roots) enter(root);
  return [...seen];
}

/** Every node of level constant under the roots that has to be computed, operands first. */
export function constantsUnder(roots: readonly Expr[], levelOf: (e: Expr) => Level): readonly Expr[] {
  const found: Expr[] = [];
  walk(roots, (e) => {
    if (e.op !== 'constant' && e.op !== 'truth' && levelOf(e) === 'constant') found.push(e);
  });
  return found;
}
