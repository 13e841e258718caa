/** How a plan is cut into dispatches: who owns a row, and what fits into a binding and into one dispatch. */
import { CapabilityError } from '@softxent/core';
import { indexRange } from '../wgsl/access.js';
import { workgroupSize, type SubgroupLanes } from '../wgsl/combine.js';
import type { KernelShape } from '../wgsl/kernel.js';
import type { Bindings, InputBinding, OutputBinding } from './bindings.js';
import type { Passes } from './passes.js';

/** What the adapter allows, and how its work is best shared out. */
export interface Tuning {
  readonly maxBindingBytes: number;
  readonly maxGroupsPerDimension: number;
  /** A software adapter: few threads, dear barriers. */
  readonly isSoftware: boolean;
  /** Lanes that pass numbers to one another where a workgroup adds up; 0 where memory does it. */
  readonly subgroupLanes: SubgroupLanes;
  /** Whether the device has the feature shader-f16. */
  readonly hasHalf: boolean;
}

/** Part of the elements (o, e, i) of the canonical layout. */
export interface Range {
  readonly o0: number;
  readonly o1: number;
  readonly e0: number;
  readonly e1: number;
  readonly i0: number;
  readonly i1: number;
}

/** One dispatch. */
export interface Step {
  /** Index into {@link Dispatches.shapes}. */
  readonly kernel: number;
  readonly range: Range;
  readonly rows: number;
  readonly units: number;
  readonly unitsPerSlot: number;
  readonly slots: number;
  readonly chunk: number;
  readonly first: boolean;
  readonly partialBase: number;
}

/** All dispatches of a run, in order. */
export interface Dispatches {
  readonly shapes: readonly KernelShape[];
  readonly steps: readonly Step[];
  /** Where the parts of row reductions stand in the scratch buffer, in floats. */
  readonly stateBase: number;
  /** Where the groups' partial totals stand: pairs of floats, totals innermost. */
  readonly partialsBase: number;
  readonly partialsLength: number;
}

/** Rows that go to a thread of its own; longer ones go to a workgroup where it reads them in order. */
const longRow = 64;
/** Rows so long, and so few, that each is shared by many workgroups. */
const veryLongRow = 4096;
const fewRows = 1024;
/** Elements that a thread does at least where the adapter makes groups dear, and the parts of a very long row. */
const elementsPerThread = 16;
/** At most, in software, where there are so many groups that all cores are busy. */
const mostPerThread = 128;
const fewGroups = 64;
const manySlots = 256;

/** Windows start at multiples of 256 bytes, so one may begin up to 255 bytes early. */
export const alignment = 256;

export function planDispatches(passes: Passes, bindings: Bindings, tuning: Tuning): Dispatches {
  const { outer, extent, inner } = passes.layout;
  const whole: Range = { o0: 0, o1: outer, e0: 0, e1: extent, i0: 0, i1: inner };
  const planner = new Planner(passes, bindings, tuning);
  const hasPasses = passes.elementStages.length > 0;
  const isVeryLong = hasPasses && extent >= veryLongRow && passes.rows <= fewRows;
  const fused = isVeryLong ? undefined : planner.fused(whole);
  return fused ?? planner.split(whole);
}

class Planner {
  readonly #passes: Passes;
  readonly #bindings: Bindings;
  readonly #tuning: Tuning;
  readonly #steps: Step[] = [];
  #partials = 0;

  constructor(passes: Passes, bindings: Bindings, tuning: Tuning) {
    this.#passes = passes;
    this.#bindings = bindings;
    this.#tuning = tuning;
  }

  /** Every pass in one kernel; undefined where a single row's run does not fit into a binding. */
  fused(whole: Range): Dispatches | undefined {
    const { extent, inner } = this.#passes.layout;
    const { isSoftware } = this.#tuning;
    const owner = extent >= longRow && inner < 32 && !isSoftware ? 'workgroup' : 'thread';
    const rowsEach = owner === 'workgroup' ? this.#rowsPerGroup() : this.#rowsPerThread();
    const ranges: Range[] = [];
    const cut = (range: Range): boolean => {
      if (this.#fits(range) && this.#fitsGroups(unitsOf(owner, rowsEach, rowsOf(range)))) {
        ranges.push(range);
        return true;
      }
      const halves =
        range.o1 - range.o0 > 1 ? halve(range, 'o') : extent === 1 ? halve(range, 'i') : undefined;
      return halves !== undefined && cut(halves[0]) && cut(halves[1]);
    };
    if (!cut(whole)) return undefined;
    for (const range of ranges) {
      const rows = rowsOf(range);
      this.#step({ kernel: 0, range, rows, units: unitsOf(owner, rowsEach, rows) }, owner);
    }
    return this.#result([{ owner, rowsEach, part: 'fused', ...this.#combining }]);
  }

  /** A kernel for each pass and one for the results; rows are shared out and put together again. */
  split(whole: Range): Dispatches {
    const { inner } = this.#passes.layout;
    const count = this.#passes.elementStages.length;
    const owner = inner < 16 && !this.#tuning.isSoftware ? 'workgroup' : 'thread';
    const shapes: KernelShape[] = this.#passes.elementStages.map((_, p) => ({
      owner,
      rowsEach: 1,
      part: p,
      ...this.#combining,
    }));
    const rowsEach = this.#rowsPerThread();
    shapes.push({ owner: 'thread', rowsEach, part: 'final', ...this.#combining });
    for (const block of this.#blocks(whole, owner)) {
      const rows = rowsOf(block);
      const slots = this.#slotsFor(rows, owner);
      const unitsPerSlot = unitsOf(owner, 1, rows);
      for (let p = 0; p < count; p++) {
        for (const range of this.#alongRow(block)) {
          const length = range.e1 - range.e0;
          this.#step({
            kernel: p,
            range,
            rows,
            units: unitsPerSlot * slots,
            unitsPerSlot,
            slots,
            chunk: Math.ceil(length / slots),
            first: range.e0 === 0,
          });
        }
      }
      if (this.#passes.rowOutputs.length + this.#passes.totals.length === 0) continue;
      const range = { ...block, e1: 1 };
      this.#step({ kernel: count, range, rows, units: unitsOf('thread', rowsEach, rows), slots }, 'thread');
    }
    return this.#result(shapes);
  }

  /** Parts of the rows whose elements fit into bindings, at least for one position along the row. */
  #blocks(range: Range, owner: KernelShape['owner']): Range[] {
    const rows = rowsOf(range);
    const slots = this.#slotsFor(rows, owner);
    const states = this.#stateLength(rows, slots) * 4;
    const affordable =
      states + alignment <= this.#tuning.maxBindingBytes && this.#fitsGroups(unitsOf(owner, 1, rows) * slots);
    if (affordable && this.#fits(range)) return [range];
    if (range.o1 - range.o0 > 1) return halve(range, 'o').flatMap((half) => this.#blocks(half, owner));
    if (affordable && this.#fits({ ...range, e1: 1 })) return [range];
    if (range.i1 - range.i0 > 1) return halve(range, 'i').flatMap((half) => this.#blocks(half, owner));
    throw new CapabilityError(
      'webgpu',
      `bindings of more than ${this.#tuning.maxBindingBytes} bytes`,
      'the operands cannot be cut into parts that fit',
    );
  }

  #alongRow(range: Range): Range[] {
    return this.#fits(range) || range.e1 - range.e0 === 1
      ? [range]
      : halve(range, 'e').flatMap((half) => this.#alongRow(half));
  }

  #slotsFor(rows: number, owner: KernelShape['owner']): number {
    const { extent } = this.#passes.layout;
    const least = owner === 'workgroup' ? workgroupSize * elementsPerThread : workgroupSize;
    const units = unitsOf(owner, 1, rows);
    const { maxBindingBytes, maxGroupsPerDimension } = this.#tuning;
    const limits = [
      manySlots,
      Math.ceil(2048 / units),
      Math.floor(extent / least),
      Math.floor((maxBindingBytes - alignment) / 4 / this.#stateLength(rows, 1)),
      Math.floor(maxGroupsPerDimension ** 2 / units),
    ];
    const slots = Math.max(1, Math.min(...limits));
    return Math.ceil(extent / Math.ceil(extent / slots));
  }

  get #combining(): Pick<KernelShape, 'combine' | 'subgroupLanes'> {
    const { isSoftware, subgroupLanes } = this.#tuning;
    return { combine: isSoftware ? 'host' : 'workgroup', subgroupLanes };
  }

  #rowsPerThread(): number {
    const { rows, layout } = this.#passes;
    if (this.#tuning.isSoftware) {
      // Groups are dear, and so are threads, of which the host adds up the totals; but every core wants some. Powers of two,
      // so that tensors of other sizes find their kernel compiled.
      const affordable = 2 ** Math.floor(Math.log2((rows * layout.extent) / (workgroupSize * fewGroups)));
      const elements = Math.min(Math.max(elementsPerThread, affordable), mostPerThread);
      return Math.max(1, Math.floor(elements / layout.extent));
    }
    const affordable = Math.ceil(rows / (workgroupSize * 8192));
    const wanted = Math.max(1, Math.floor(elementsPerThread / layout.extent));
    return Math.max(1, Math.min(affordable, wanted));
  }

  #rowsPerGroup(): number {
    return Math.max(1, Math.min(elementsPerThread, Math.ceil(this.#passes.rows / 16_384)));
  }

  #stateLength(rows: number, slots: number): number {
    return rows * slots * this.#passes.reductions.length * 2;
  }

  #fitsGroups(units: number): boolean {
    const { maxGroupsPerDimension } = this.#tuning;
    return units <= maxGroupsPerDimension * maxGroupsPerDimension;
  }

  #fits(range: Range): boolean {
    const { inputs, outputs } = this.#bindings;
    return [...inputs, ...outputs].every((binding) => {
      const { from, to } = windowOf(this.#passes, binding, range);
      const { bytes } = binding;
      return (to - from) * bytes + alignment <= this.#tuning.maxBindingBytes;
    });
  }

  #step(
    step: Partial<Step> & Pick<Step, 'kernel' | 'range' | 'rows' | 'units'>,
    totalsOf?: KernelShape['owner'],
  ): void {
    this.#steps.push({
      unitsPerSlot: step.units,
      slots: 1,
      chunk: 0,
      first: true,
      ...step,
      partialBase: this.#partials,
    });
    if (totalsOf === undefined) return;
    const each = totalsOf === 'thread' && this.#combining.combine === 'host' ? workgroupSize : 1;
    this.#partials += step.units * each * this.#passes.totals.length * 2;
  }

  #result(shapes: readonly KernelShape[]): Dispatches {
    const isSplit = shapes.length > 1;
    const states = isSplit
      ? Math.max(...this.#steps.map(({ rows, slots }) => this.#stateLength(rows, slots)))
      : 0;
    const stateBase = this.#bindings.constantsLength;
    const partialsBase = stateBase + states;
    const steps = this.#steps.map((step) => ({ ...step, partialBase: partialsBase + step.partialBase }));
    return { shapes, steps, stateBase, partialsBase, partialsLength: this.#partials };
  }
}

function rowsOf({ o0, o1, i0, i1 }: Range): number {
  return (o1 - o0) * (i1 - i0);
}

function unitsOf(owner: KernelShape['owner'], rowsEach: number, rows: number): number {
  return Math.ceil(rows / (owner === 'thread' ? rowsEach * workgroupSize : rowsEach));
}

function halve(range: Range, axis: 'o' | 'e' | 'i'): readonly [Range, Range] {
  const [low, high] = [`${axis}0`, `${axis}1`] as ['o0', 'o1'];
  const middle = Math.ceil((range[low] + range[high]) / 2);
  return [
    { ...range, [high]: middle },
    { ...range, [low]: middle },
  ];
}

/** The elements of a buffer that a dispatch over `range` may touch: from the first to before `to`. */
export function windowOf(
  { layout: { extent, inner } }: Passes,
  binding: InputBinding | OutputBinding,
  { o0, o1, e0, e1, i0, i1 }: Range,
): { from: number; to: number } {
  const row = { from: o0 * inner + i0, to: (o1 - 1) * inner + i1 };
  const element = {
    from: (o0 * extent + e0) * inner + i0,
    to: ((o1 - 1) * extent + e1 - 1) * inner + i1,
  };
  const indices = binding.level === 'row' ? row : element;
  return 'access' in binding ? indexRange(binding.access, indices.from, indices.to) : indices;
}
