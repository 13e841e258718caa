/**
 * The text of a plan's kernels. Whatever its shape, a kernel does for each of its rows what the plan's stages say: row
 * values, a pass over the row that reduces and writes elements, row values, a pass, and so on. Kernels differ in who owns
 * a row, and in which passes they do.
 */
import { literal, Renderer, Scope } from './expression.js';
import { mathLibrary, type MathName } from './math.js';
import { declarations, loadText, storeText } from './memory.js';
import { combineAccumulators, combineTotals, workgroupSize, type SubgroupLanes } from './combine.js';
import type { Passes } from '../kernel/passes.js';
import { paramFields, type Bindings } from '../kernel/bindings.js';

/** What one kernel does of a plan. */
export interface KernelShape {
  /** Who goes along a row: one thread, or the threads of a workgroup together. */
  readonly owner: 'thread' | 'workgroup';
  /** Rows that a thread (or a workgroup) does one after the other. */
  readonly rowsEach: number;
  /**
   * `fused`: every pass. A number: that pass alone, over a part of each row; earlier passes' reductions come from the
   * scratch buffer and its own go there. `final`: no pass, only what is left to do once a row.
   */
  readonly part: 'fused' | 'final' | number;
  /**
   * Who adds up the totals of a workgroup's threads: the workgroup, or the host, where barriers are dearer than reading
   * back one partial total for each thread.
   */
  readonly combine: 'workgroup' | 'host';
  /** Lanes that pass numbers to one another as a workgroup adds up; 0 where memory does it. */
  readonly subgroupLanes: SubgroupLanes;
}

/**
 * Rows whose elements a thread keeps from pass to pass. Compiling takes the longer the longer they are: with 8 elements a
 * second on SwiftShader, for a kernel that is no faster on it than that with 4.
 */
const shortRow = 4;

/** Renders one kernel. */
export function kernelText(passes: Passes, bindings: Bindings, shape: KernelShape): string {
  return new KernelWriter(passes, bindings, shape).text();
}

class KernelWriter {
  readonly #passes: Passes;
  readonly #bindings: Bindings;
  readonly #shape: KernelShape;
  readonly #renderer: Renderer;
  /** Slots of workgroup memory (one vec2f a thread each) for combining the threads' reductions. */
  #slots = 0;

  constructor(passes: Passes, bindings: Bindings, shape: KernelShape) {
    this.#passes = passes;
    this.#bindings = bindings;
    this.#shape = shape;
    this.#renderer = new Renderer({
      operand: (name) => loadText(bindings, name),
      reduction: (name) => `r${passes.indexOfReduction(name)}`,
    });
  }

  text(): string {
    const scope = new Scope();
    const { inputs, outputs } = this.#bindings;
    if (inputs.some(({ dtype, stored }) => dtype === 'float16' && stored === 'u32')) this.#use('halfToFloat');
    const constants = this.#renderer.statements(this.#passes.constants, scope);
    const body = this.#shape.owner === 'thread' ? this.#threadMain(scope) : this.#workgroupMain(scope);
    const memory = this.#slots * workgroupSize;
    return [
      ...([...inputs, ...outputs].some(({ stored }) => stored === 'f16') ? ['enable f16;'] : []),
      ...(memory > 0 && this.#shape.subgroupLanes > 0 ? ['enable subgroups;'] : []),
      `struct Params { ${paramFields(this.#bindings)
        .map((name) => `${name}: ${name === 'scale' ? 'f32' : 'u32'}`)
        .join(', ')} }`,
      '@group(0) @binding(0) var<uniform> params: Params;',
      '@group(0) @binding(1) var<storage, read_write> scratch: array<f32>;',
      ...declarations(this.#bindings),
      ...(memory > 0 ? [`var<workgroup> lanes: array<vec2f, ${memory}>;`] : []),
      mathLibrary(this.#renderer.used),
      `@compute @workgroup_size(${workgroupSize})`,
      'fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,',
      '    @builtin(local_invocation_index) lane: u32) {',
      'let unit = id.y * count.x + id.x;',
      ...constants,
      ...body,
      '}',
    ].join('\n');
  }

  #use(name: MathName): string {
    this.#renderer.use(name);
    return `sx_${name}`;
  }

  get #isSplit(): boolean {
    return typeof this.#shape.part === 'number';
  }

  get #doesRows(): boolean {
    return this.#shape.part === 'fused' || this.#shape.part === 'final';
  }

  /** Where a row lies: r counts the rows of the dispatch, row and start those of the whole. */
  #rowPosition(): string[] {
    const { extent, inner } = this.#passes.layout;
    if (extent === 1) return ['let row = params.i0 + r;', 'let start = row;'];
    if (inner === 1) return ['let row = params.o0 + r;', `let start = row * ${extent}u;`];
    const width = this.#shape.part === 'fused' ? `${inner}u` : 'params.iCount';
    return [
      `let o = params.o0 + r / ${width};`,
      `let i = params.i0 + r % ${width};`,
      `let row = o * ${inner}u + i;`,
      `let start = o * ${extent * inner}u + i;`,
    ];
  }

  #threadMain(scope: Scope): string[] {
    const { rowsEach } = this.#shape;
    const totals = this.#doesRows ? this.#passes.totals : [];
    const lines = totals.map((_, k) => `var t${k} = vec2f(0.0, 0.0);`);
    const unit = this.#isSplit ? 'unitInSlot' : 'unit';
    if (this.#isSplit) {
      lines.push('let slot = unit / params.unitsPerSlot;', 'let unitInSlot = unit % params.unitsPerSlot;');
      lines.push('if (slot >= params.slots) { return; }');
    }
    lines.push(
      `for (var k = 0u; k < ${rowsEach}u; k++) {`,
      `let r = (${unit} * ${rowsEach}u + k) * ${workgroupSize}u + lane;`,
      'if (r >= params.rows) { break; }',
      ...this.#row(new Scope(scope)),
      '}',
    );
    if (totals.length === 0) return lines;
    if (this.#shape.combine === 'host') {
      lines.push('if (unit < params.units) {');
      const place = `(unit * ${workgroupSize}u + lane)`;
      for (const k of totals.keys()) lines.push(...this.#storeTotal(k, place));
      lines.push('}');
      return lines;
    }
    lines.push(...combineTotals(totals.length, this.#slots, this.#shape.subgroupLanes, this.#renderer.use));
    this.#slots += totals.length;
    return lines;
  }

  #workgroupMain(scope: Scope): string[] {
    const { rowsEach } = this.#shape;
    const totals = this.#doesRows ? this.#passes.totals : [];
    const lines = totals.map((_, k) => `var t${k} = vec2f(0.0, 0.0);`);
    const unit = this.#isSplit ? 'unitInSlot' : 'unit';
    if (this.#isSplit) {
      lines.push('let slot = unit / params.unitsPerSlot;', 'let unitInSlot = unit % params.unitsPerSlot;');
      lines.push('if (slot >= params.slots) { return; }');
    }
    lines.push(
      `for (var k = 0u; k < ${rowsEach}u; k++) {`,
      `let r = ${unit} * ${rowsEach}u + k;`,
      'if (r >= params.rows) { break; }',
      // Nobody may still read what the threads left for the row before.
      ...(rowsEach > 1 ? ['workgroupBarrier();'] : []),
      ...this.#row(new Scope(scope)),
      '}',
    );
    if (totals.length === 0) return lines;
    lines.push('if (lane == 0u && unit < params.units) {');
    for (const k of totals.keys()) lines.push(...this.#storeTotal(k, 'unit'));
    lines.push('}');
    return lines;
  }

  /** Leaves a partial total to the host. Beside an infinity its errors are NaN, and nothing. */
  #storeTotal(k: number, place: string): string[] {
    const at = `params.partialBase + ${place} * ${this.#passes.totals.length * 2}u + ${k * 2}u`;
    const isNaN = this.#use('isNaN');
    return [`scratch[${at}] = t${k}.x;`, `scratch[${at} + 1u] = select(t${k}.y, 0.0, ${isNaN}(t${k}.y));`];
  }

  #row(scope: Scope): string[] {
    const { part } = this.#shape;
    const { rowStages, elementStages } = this.#passes;
    const lines = [...this.#rowPosition()];
    const elementScopes = this.#elementScopes(scope);
    if (elementScopes !== undefined) lines.push('var e = 0u;', 'var el = start;');
    const lastRow = typeof part === 'number' ? part : rowStages.length - 1;
    for (let p = 0; p <= lastRow; p++) {
      lines.push(...this.#renderer.statements(rowStages[p]?.nodes ?? [], scope));
      const stage = elementStages[p];
      if (stage === undefined) continue;
      const runs = part === 'fused' || part === p;
      if (runs) lines.push(...this.#pass(p, scope, elementScopes));
      else
        lines.push(...stage.reductions.map((reduction) => this.#loadReduction(reduction.name, reduction.op)));
    }
    if (this.#doesRows) lines.push(...this.#rowResults(scope));
    return lines;
  }

  /**
   * For a short row, the scope of each of its elements: loops are written out, and what a pass has read and computed of an
   * element is still there in the next.
   */
  #elementScopes(scope: Scope): readonly Scope[] | undefined {
    const { extent } = this.#passes.layout;
    if (this.#shape.owner !== 'thread' || this.#isSplit || extent > shortRow) return undefined;
    return Array.from({ length: extent }, () => new Scope(scope));
  }

  #rowResults(scope: Scope): string[] {
    const lines: string[] = [];
    const { rowOutputs, totals } = this.#passes;
    for (const output of rowOutputs) {
      lines.push(this.#store(output.name, this.#renderer.value(output.of, scope)));
    }
    for (const [k, total] of totals.entries()) {
      const add = this.#use('accumulate');
      lines.push(`t${k} = ${add}(t${k}, ${this.#renderer.value(total.of, scope)});`);
    }
    if (this.#shape.owner === 'thread' || lines.length === 0) return lines;
    return ['if (lane == 0u) {', ...lines, '}'];
  }

  /** One pass over the row (or over a part of it): its reductions become r0, r1, ... of the row. */
  #pass(p: number, scope: Scope, elementScopes: readonly Scope[] | undefined): string[] {
    const stage = this.#passes.elementStages[p];
    if (stage === undefined) return [];
    const { inner } = this.#passes.layout;
    const accumulators = stage.reductions.map((reduction) => {
      const k = this.#passes.indexOfReduction(reduction.name);
      const start = reduction.op === 'sum' ? 'vec2f(0.0, 0.0)' : literal(-Infinity, this.#renderer.use);
      return { reduction, k, start };
    });
    const lines = accumulators.map(({ k, start }) => `var a${k} = ${start};`);
    const body = (elementScope: Scope): string[] => [
      ...this.#renderer.statements(stage.nodes, elementScope),
      ...accumulators.map(({ reduction, k }) => {
        const call = this.#use(reduction.op === 'sum' ? 'accumulate' : 'max');
        return `a${k} = ${call}(a${k}, ${this.#renderer.value(reduction.of, elementScope)});`;
      }),
      ...stage.outputs.map(({ name, of }) => this.#store(name, this.#renderer.value(of, elementScope))),
    ];
    const position = `el = start + e * ${inner}u;`;
    if (elementScopes !== undefined) {
      for (const [e, elementScope] of elementScopes.entries()) {
        lines.push(`e = ${e}u;`, position, ...body(elementScope));
      }
    } else {
      lines.push(...this.#loopHead(), `let ${position}`, ...body(new Scope(scope)), '}');
    }
    if (this.#shape.owner === 'workgroup') {
      const all = accumulators.map(({ reduction, k }) => ({ op: reduction.op, k }));
      lines.push(...combineAccumulators(all, this.#slots, this.#shape.subgroupLanes, this.#renderer.use));
      this.#slots += all.length;
    }
    return [...lines, ...accumulators.flatMap(({ reduction, k }) => this.#complete(reduction.op, k))];
  }

  #store(name: string, value: string): string {
    return storeText(this.#bindings.output(name), value, this.#renderer.use);
  }

  #loopHead(): string[] {
    const { extent } = this.#passes.layout;
    const [offset, step] = this.#shape.owner === 'thread' ? ['', '1u'] : [' + lane', `${workgroupSize}u`];
    if (!this.#isSplit) return [`for (var e = 0u${offset}; e < ${extent}u; e += ${step}) {`];
    return [
      'let begin = params.e0 + slot * params.chunk;',
      'let end = min(begin + params.chunk, params.e1);',
      `for (var e = begin${offset}; e < end; e += ${step}) {`,
    ];
  }

  /** What happens to an accumulator after the loop: it is the reduction's value, or is stored for the next passes. */
  #complete(op: 'sum' | 'max', k: number): string[] {
    const lines: string[] = [];
    if (!this.#isSplit) {
      lines.push(`let r${k} = ${op === 'sum' ? `${this.#use('total')}(a${k})` : `a${k}`};`);
      return lines;
    }
    const [high, low] = [this.#stateAt(k, 0, 'slot'), this.#stateAt(k, 1, 'slot')];
    if (this.#shape.owner === 'workgroup') lines.push('if (lane == 0u) {');
    if (op === 'sum') {
      const merge = this.#use('merge');
      lines.push(
        `if (params.first == 0u) { a${k} = ${merge}(vec2f(scratch[${high}], scratch[${low}]), a${k}); }`,
        `scratch[${high}] = a${k}.x;`,
        `scratch[${low}] = a${k}.y;`,
      );
    } else {
      lines.push(
        `if (params.first == 0u) { a${k} = ${this.#use('max')}(scratch[${high}], a${k}); }`,
        `scratch[${high}] = a${k};`,
      );
    }
    if (this.#shape.owner === 'workgroup') lines.push('}');
    return lines;
  }

  #stateAt(k: number, half: 0 | 1, slot: string): string {
    return `params.stateBase + (${k * 2 + half}u * params.slots + ${slot}) * params.rows + r`;
  }

  /** A reduction of an earlier pass, put together from the parts of the row. */
  #loadReduction(name: string, op: 'sum' | 'max'): string {
    const k = this.#passes.indexOfReduction(name);
    const high = (slot: string): string => `scratch[${this.#stateAt(k, 0, slot)}]`;
    const low = (slot: string): string => `scratch[${this.#stateAt(k, 1, slot)}]`;
    const item = (slot: string): string => (op === 'sum' ? `vec2f(${high(slot)}, ${low(slot)})` : high(slot));
    const combine = this.#use(op === 'sum' ? 'merge' : 'max');
    const value = op === 'sum' ? `${this.#use('total')}(s${k})` : `s${k}`;
    return [
      `var s${k} = ${item('0u')};`,
      `for (var s = 1u; s < params.slots; s++) { s${k} = ${combine}(s${k}, ${item('s')}); }`,
      `let r${k} = ${value};`,
    ].join('\n');
  }
}
