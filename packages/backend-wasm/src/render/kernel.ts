/** A plan as a WebAssembly module. */
import { bytesPerElement } from '@softxent/core';
import type { Plan } from '@softxent/core/plan';
import { FunctionBody, type Local } from '../emitter/function.js';
import { encodeModule, type MemoryImport } from '../emitter/module.js';
import { fuse } from './fused.js';
import { geometryOf, type Geometry } from './geometry.js';
import { argument, countOffset, layoutOf, tileAddress, type KernelLayout } from './layout.js';
import { renderLinesStage } from './lines.js';
import { renderNarrow, renderPack, renderTranspose, renderUntranspose } from './packs.js';
import { renderPlanesStage } from './planes.js';
import { renderRowStage } from './rows.js';
import { ConstantPool, type Target } from './vectors.js';

/** What a plan was rendered to. */
export interface KernelImage {
  /** Exports `run(args, scratch, from, to)`: computes blocks `from` to `to` and writes their totals. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The constants whose address stands in the arguments. */
  readonly table: Int32Array;
  readonly layout: KernelLayout;
}

export function renderKernel(plan: Plan, target: Target, memory: MemoryImport): KernelImage {
  const layout = layoutOf(plan, geometryOf(plan));
  const pool = new ConstantPool();
  const stages: FunctionBody[] = [];
  /** In place of stages, where a total came out as NaN. */
  const carefulStages = new Map<FunctionBody, FunctionBody>();
  const addRows = (name: string, stage: Parameters<typeof renderRowStage>[1]): void => {
    const row = renderRowStage(name, stage, layout, pool, target, false);
    if (row === undefined) return;
    stages.push(row.fn);
    if (!row.isHasty) return;
    const careful = renderRowStage(`${name}careful`, stage, layout, pool, target, true);
    carefulStages.set(row.fn, careful!.fn);
  };
  if (layout.geometry.isFused) addRows('fused', fuse(plan));
  else {
    for (const [i, stage] of plan.stages.entries()) {
      if (stage.level === 'row') addRows(`stage${i}`, { stage });
      else if (stage.level === 'element') {
        const render = layout.geometry.arrangement === 'lines' ? renderLinesStage : renderPlanesStage;
        stages.push(render(i, stage, layout, pool, target));
      }
    }
  }
  const packs = [...layout.operands.values()]
    .filter((form) => form.kind === 'packed' || form.linear > 0)
    .map((form) => ({ form, fn: renderPack(`pack${form.index}`, form.plan, form.index, pool, target) }));
  const { extent, paddedRows } = layout.geometry;
  const forms = [...layout.operands.values(), ...layout.outputs.values()];
  const isTransposed = forms.some((form) => form.kind === 'transposed');
  const transposes = isTransposed
    ? [
        renderTranspose('transpose', extent, 4 * paddedRows),
        renderUntranspose('untranspose', extent, 4 * paddedRows),
      ]
    : [];
  const narrows = [...layout.outputs.values()].some((form) => form.linear > 0)
    ? [renderNarrow('narrow', pool, target)]
    : [];
  const functions = [
    ...stages,
    ...carefulStages.values(),
    ...packs.map(({ fn }) => fn),
    ...transposes,
    ...narrows,
  ];
  const indexOf = (fn: FunctionBody): number => functions.indexOf(fn);
  const tile = renderTile(layout, {
    stages: stages.map((fn) => {
      const careful = carefulStages.get(fn);
      return { usual: indexOf(fn), careful: careful === undefined ? undefined : indexOf(careful) };
    }),
    packs: new Map(packs.map(({ form, fn }) => [form.index, indexOf(fn)])),
    transpose: transposes[0] === undefined ? -1 : indexOf(transposes[0]),
    untranspose: transposes[1] === undefined ? -1 : indexOf(transposes[1]),
    narrow: narrows[0] === undefined ? -1 : indexOf(narrows[0]),
  });
  functions.push(tile);
  const run = renderRun(layout, indexOf(tile), carefulStages.size > 0);
  functions.push(run);
  return { bytes: encodeModule(functions, [run], memory), table: pool.table, layout };
}

interface Callees {
  readonly stages: readonly { readonly usual: number; readonly careful: number | undefined }[];
  readonly packs: ReadonlyMap<number, number>;
  readonly transpose: number;
  readonly untranspose: number;
  readonly narrow: number;
}

/** `(args, scratch, tile, careful)`: finds the tile's addresses, prepares its operands and runs the stages. */
function renderTile(layout: KernelLayout, callees: Callees): FunctionBody {
  const [args, scratch, tile, careful] = [0, 1, 2, 3] as const;
  const fn = new FunctionBody('tile', 4);
  const { geometry, operands, outputs } = layout;
  const { extent, inner } = geometry;
  const { count, firstRow, firstElement } = renderBounds(fn, tile, geometry);
  fn.get(scratch).get(count).memory('i32.store', countOffset);

  const setAddress = (index: number, address: () => void): void => {
    fn.get(scratch);
    address();
    fn.memory('i32.store', tileAddress(index));
  };
  const inBuffer = (index: number, first: Local | undefined, size: number) => (): void => {
    fn.get(args).memory('i32.load', argument.buffers + 4 * index);
    if (first !== undefined) fn.get(first).i32(size).op('i32.mul').op('i32.add');
  };
  const inScratch = (offset: number) => (): void => {
    fn.get(scratch).i32(offset).op('i32.add');
  };
  const pack = (index: number, to: number, start: () => void, length: () => void): void => {
    fn.get(args);
    inScratch(to)();
    start();
    length();
    fn.call(callees.packs.get(index)!);
  };

  for (const form of operands.values()) {
    const { index, plan } = form;
    const size = bytesPerElement(plan.dtype);
    const first = plan.level === 'row' ? firstRow : firstElement;
    const elements = (): void => void fn.get(count).i32(extent).op('i32.mul');
    switch (form.kind) {
      case 'direct':
        setAddress(index, inBuffer(index, first, size));
        break;
      case 'classwise':
        setAddress(index, inBuffer(index, undefined, size));
        break;
      case 'packed':
        setAddress(index, inScratch(form.packed));
        if (plan.level === 'row')
          pack(
            index,
            form.packed,
            () => fn.get(firstRow),
            () => fn.get(count),
          );
        else if (geometry.arrangement === 'lines')
          pack(index, form.packed, () => fn.get(firstElement), elements);
        else {
          const e = fn.local('i32');
          const to = fn.local('i32');
          const start = fn.local('i32');
          fn.i32(extent).set(e);
          inScratch(form.packed)();
          fn.set(to).get(firstElement).set(start);
          fn.loop((again) => {
            fn.get(args).get(to).get(start).get(count).call(callees.packs.get(index)!);
            fn.get(to).i32(form.stride).op('i32.add').set(to);
            fn.get(start).i32(inner).op('i32.add').set(start);
            fn.get(e).i32(1).op('i32.sub').tee(e);
            again();
          });
        }
        break;
      case 'transposed':
        setAddress(index, inScratch(form.packed));
        if (form.linear > 0) pack(index, form.linear, () => fn.get(firstElement), elements);
        (form.linear > 0 ? inScratch(form.linear) : inBuffer(index, firstElement, 4))();
        inScratch(form.packed)();
        fn.get(count).call(callees.transpose);
        break;
    }
  }
  for (const { index, plan, kind, packed } of outputs.values()) {
    const first = plan.level === 'row' ? firstRow : firstElement;
    const size = bytesPerElement(plan.dtype);
    setAddress(index, kind === 'transposed' ? inScratch(packed) : inBuffer(index, first, size));
  }
  for (const stage of callees.stages) {
    const call = (index: number): void => void fn.get(args).get(scratch).call(index);
    if (stage.careful === undefined) {
      call(stage.usual);
      continue;
    }
    fn.get(careful).op('i32.eqz');
    fn.ifThen(() => call(stage.usual));
    fn.get(careful);
    fn.ifThen(() => call(stage.careful!));
  }
  for (const { index, plan, kind, packed, linear } of outputs.values()) {
    if (kind !== 'transposed') continue;
    const place = inBuffer(index, firstElement, bytesPerElement(plan.dtype));
    inScratch(packed)();
    if (linear > 0) inScratch(linear)();
    else place();
    fn.get(count).call(callees.untranspose);
    if (linear === 0) continue;
    fn.get(args);
    inScratch(linear)();
    place();
    fn.get(count).i32(extent).op('i32.mul').call(callees.narrow);
  }
  return fn;
}

/** The tile's number of rows, and the linear indices of its first row and element. */
function renderBounds(
  fn: FunctionBody,
  tile: Local,
  { arrangement, rows, extent, inner, tileRows, tilesPerPlane }: Geometry,
): { count: Local; firstRow: Local; firstElement: Local } {
  const count = fn.local('i32');
  const firstRow = fn.local('i32');
  const firstElement = fn.local('i32');
  const limit = fn.local('i32');
  const least = (): void => {
    fn.get(limit).i32(tileRows).get(limit).i32(tileRows).op('i32.lt_u').op('select').set(count);
  };
  if (arrangement === 'planes') {
    const plane = fn.local('i32');
    const offset = fn.local('i32');
    fn.get(tile).i32(tilesPerPlane).op('i32.div_u').set(plane);
    fn.get(tile).i32(tilesPerPlane).op('i32.rem_u').i32(tileRows).op('i32.mul').set(offset);
    fn.i32(inner).get(offset).op('i32.sub').set(limit);
    least();
    fn.get(plane).i32(inner).op('i32.mul').get(offset).op('i32.add').set(firstRow);
    fn.get(plane)
      .i32(inner * extent)
      .op('i32.mul')
      .get(offset)
      .op('i32.add')
      .set(firstElement);
  } else {
    fn.get(tile).i32(tileRows).op('i32.mul').set(firstRow);
    fn.i32(rows).get(firstRow).op('i32.sub').set(limit);
    least();
    fn.get(firstRow).i32(extent).op('i32.mul').set(firstElement);
  }
  return { count, firstRow, firstElement };
}

/**
 * `(args, scratch, from, to)`: the tiles of each block, and its totals into the table of totals. With `isHasty`, blocks
 * whose totals come out as NaN are computed anew with care.
 */
function renderRun(layout: KernelLayout, tileIndex: number, isHasty: boolean): FunctionBody {
  const [args, scratch, from, to] = [0, 1, 2, 3] as const;
  const fn = new FunctionBody('run', 4);
  const { geometry, totals } = layout;
  const { tiles, tilesPerBlock } = geometry;
  const tile = fn.local('i32');
  const end = fn.local('i32');
  const result = fn.local('i32');
  const careful = fn.local('i32');
  const block = (): void => {
    for (const offset of totals) fn.get(scratch).f64(0).memory('f64.store', offset);
    fn.get(from).i32(tilesPerBlock).op('i32.mul').tee(tile);
    fn.i32(tilesPerBlock).op('i32.add').set(end);
    fn.get(end).i32(tiles).get(end).i32(tiles).op('i32.lt_u').op('select').set(end);
    fn.loop((next) => {
      fn.get(args).get(scratch).get(tile).get(careful).call(tileIndex);
      fn.get(tile).i32(1).op('i32.add').tee(tile);
      fn.get(end).op('i32.lt_u');
      next();
    });
  };
  fn.block((exit) => {
    fn.loop((again) => {
      fn.get(from).get(to).op('i32.ge_u');
      exit();
      fn.get(args).memory('i32.load', argument.careful).set(careful);
      if (isHasty) {
        fn.loop((anew) => {
          block();
          fn.i32(0);
          for (const offset of totals) {
            const load = (): void => void fn.get(scratch).memory('f64.load', offset);
            load();
            load();
            fn.op('f64.ne').op('i32.or');
          }
          // Once, and not where it was careful from the start.
          fn.get(careful).op('i32.gt_u').tee(result);
          fn.get(careful).op('i32.or').set(careful);
          fn.get(result);
          anew();
        });
      } else block();
      if (totals.length > 0) {
        fn.get(args).memory('i32.load', argument.totals);
        fn.get(from)
          .i32(8 * totals.length)
          .op('i32.mul')
          .op('i32.add')
          .set(result);
        for (const [i, offset] of totals.entries()) {
          fn.get(result)
            .get(scratch)
            .memory('f64.load', offset)
            .memory('f64.store', 8 * i);
        }
      }
      fn.get(from).i32(1).op('i32.add').set(from);
      fn.i32(1);
      again();
    });
  });
  return fn;
}
