/** Loops in which several iterations are under way at a time, each in another part of its body. */
import type { FunctionBody, Local } from './function.js';
import type { Input, Node, Recording } from './recording.js';

/** Parts that a body is cut into. */
export const pipelineStages = 3;

/** Memory for what one part hands to the next. */
export interface Room {
  /** Local with an address. */
  readonly base: Local;
  readonly offset: number;
  readonly bytes: number;
}

/** Writes instructions of one part. */
interface Writer {
  /** An instruction and the loads before it; its result goes to a local. */
  write(node: Node): void;
  /** Brings a value into a local, where it is not in one. */
  prepare(input: Input): void;
  /** Leaves a value on the stack. */
  push(input: Input): void;
}

/**
 * A loop's body, cut into parts of about the same length from first to last. A processor looks only so many instructions
 * ahead; where each waits for the one before, it finds too few that can go. The parts of three iterations have nothing
 * to do with one another.
 */
export class Pipeline {
  readonly #fn: FunctionBody;
  readonly #cursors: ReadonlyMap<Local, number>;
  readonly #nodes: readonly Node[];
  readonly #state: readonly { readonly local: Local; readonly value: Input }[];
  readonly #stageOf = new Map<Node, number>();
  /** When each instruction can start, from the start of its part; stores come last. */
  readonly #starts = new Map<Node, number>();
  /** Where values wait for the next part, from `room` on: engines make better use of registers when they do not know. */
  readonly #carried: readonly ReadonlyMap<Node, number>[];
  readonly #room: Room;

  /**
   * `cursors`: locals that hold addresses, and how far they move with each iteration. `newLocals`: where locals begin that
   * are the body's own; others that it sets keep their values from one iteration to the next.
   */
  constructor(
    fn: FunctionBody,
    recording: Recording,
    cursors: ReadonlyMap<Local, number>,
    newLocals: Local,
    room: Room,
  ) {
    this.#fn = fn;
    this.#room = room;
    this.#cursors = cursors;
    this.#state = [...recording.locals]
      .filter(([local]) => local < newLocals)
      .map(([local, value]) => ({ local, value }));
    this.#nodes = used(
      recording.nodes,
      this.#state.map(({ value }) => value),
    );
    this.#assign(new Set(this.#state.map(({ local }) => local)));
    let at = room.offset;
    this.#carried = Array.from({ length: pipelineStages - 1 }, (_, boundary) => {
      const places = new Map<Node, number>();
      for (const node of this.#crossing(this.#stageOf, boundary)) {
        places.set(node, at);
        at += 16;
      }
      return places;
    });
    if (at > room.offset + room.bytes) throw new RangeError('too little room for what is carried');
  }

  /** Parts of several iterations, each part of the iteration that is `ahead` after the cursors'. */
  #slot(parts: readonly { readonly stage: number; readonly ahead: number }[]): void {
    const fn = this.#fn;
    const writers = parts.map(({ stage, ahead }) => this.#part(stage, ahead));
    for (const [i, { stage }] of parts.entries()) {
      const nodes = this.#nodes.filter((node) => this.#stageOf.get(node) === stage && !node.isLoad);
      // What can start first comes first, whichever vector it is of.
      const order = nodes.toSorted((a, b) => this.#starts.get(a)! - this.#starts.get(b)!);
      for (const node of order) writers[i]!.write(node);
    }
    for (const { stage, writer } of parts.map((part, i) => ({ ...part, writer: writers[i]! }))) {
      if (stage === pipelineStages - 1) {
        for (const { value } of this.#state) writer.prepare(value);
        for (const { value } of this.#state) writer.push(value);
        for (const { local } of this.#state.toReversed()) fn.set(local);
      }
    }
    for (const [i, { stage }] of parts.entries()) {
      for (const [node, offset] of this.#carried[stage] ?? []) {
        writers[i]!.prepare({ kind: 'node', node });
        fn.get(this.#room.base);
        writers[i]!.push({ kind: 'node', node });
        fn.memory('v128.store', offset);
      }
    }
  }

  /** The first iterations' first parts. */
  fill(): void {
    for (let last = 0; last < pipelineStages - 1; last++) {
      this.#slot(Array.from({ length: last + 1 }, (_, i) => ({ stage: last - i, ahead: i })));
    }
  }

  /** One part of each of several iterations; the cursors stand at the one that ends. */
  steady(): void {
    this.#slot(
      Array.from({ length: pipelineStages }, (_, i) => ({ stage: pipelineStages - 1 - i, ahead: i })),
    );
    this.advance();
  }

  /** What is left of the last iterations. */
  drain(): void {
    for (let missing = 1; missing < pipelineStages; missing++) {
      this.#slot(
        Array.from({ length: pipelineStages - missing }, (_, i) => ({
          stage: pipelineStages - 1 - i,
          ahead: i,
        })),
      );
      this.advance();
    }
  }

  advance(): void {
    for (const [local, by] of this.#cursors) this.#fn.get(local).i32(by).op('i32.add').set(local);
  }

  /** Writes instructions of a part, with results in locals. */
  #part(stage: number, ahead: number): Writer {
    const fn = this.#fn;
    const locals = new Map<Node, Local>();
    const write = (node: Node): void => {
      node.inputs.forEach(prepare);
      node.inputs.forEach(push);
      let { immediates } = node;
      const [address] = node.inputs;
      if ((node.isLoad || node.isStore) && address?.kind === 'local') {
        const by = this.#cursors.get(address.local) ?? 0;
        const [alignment = 0, offset = 0, ...lane] = immediates;
        immediates = [alignment, offset + ahead * by, ...lane];
      }
      fn.instruction(node.opcode, immediates);
      if (node.isStore) return;
      const local = fn.local('v128');
      fn.set(local);
      locals.set(node, local);
    };
    const prepare = (input: Input): void => {
      if (input.kind !== 'node' || locals.has(input.node)) return;
      if (input.node.isLoad) {
        write(input.node);
        return;
      }
      const local = fn.local('v128');
      fn.get(this.#room.base)
        .memory('v128.load', this.#carried[stage - 1]!.get(input.node))
        .set(local);
      locals.set(input.node, local);
    };
    const push = (input: Input): void => {
      if (input.kind === 'i32') fn.i32(input.value);
      else if (input.kind === 'f64') fn.f64(input.value);
      else if (input.kind === 'local') fn.get(input.local);
      else fn.get(locals.get(input.node)!);
    };
    return { write, prepare, push };
  }

  /** Values that are computed in a part up to `boundary` and read in a later one; loads are done again instead. */
  #crossing(stageOf: ReadonlyMap<Node, number>, boundary: number): ReadonlySet<Node> {
    const crossing = new Set<Node>();
    for (const node of this.#nodes) {
      if (node.isLoad || stageOf.get(node)! <= boundary) continue;
      for (const input of node.inputs) {
        if (input.kind === 'node' && !input.node.isLoad && stageOf.get(input.node)! <= boundary) {
          crossing.add(input.node);
        }
      }
    }
    return crossing;
  }

  /** Each instruction goes to the part in which it is needed at the latest; those with state, and stores, to the last. */
  #assign(state: ReadonlySet<Local>): void {
    const last = new Set<Node>();
    const withState = new Set<Node>();
    for (const node of this.#nodes) {
      const follows = node.inputs.some((input) =>
        input.kind === 'node' ? withState.has(input.node) : input.kind === 'local' && state.has(input.local),
      );
      const isCursor = (input: Input): boolean => input.kind === 'local' && this.#cursors.has(input.local);
      if (follows && !node.inputs.some(isCursor)) withState.add(node);
      if (node.isStore || withState.has(node)) last.add(node);
    }
    // Cycles from the start of an instruction to the end of the iteration, as if nothing waited for another vector's sums.
    const toEnd = new Map<Node, number>();
    for (const node of this.#nodes.toReversed()) {
      const length = (withState.has(node) ? 0 : (toEnd.get(node) ?? 0)) + node.latency;
      toEnd.set(node, length);
      for (const input of node.inputs) {
        if (input.kind === 'node') toEnd.set(input.node, Math.max(toEnd.get(input.node) ?? 0, length));
      }
    }
    const whole = Math.max(0, ...toEnd.values());
    const startOf = (node: Node): number => (last.has(node) ? Infinity : whole - toEnd.get(node)!);
    const limits = this.#limits(startOf, whole);
    const stages = new Map<Node, number>();
    for (const node of this.#nodes) {
      const stage = limits.findIndex((limit) => startOf(node) < limit);
      stages.set(node, stage < 0 ? pipelineStages - 1 : stage);
    }
    for (const node of this.#nodes) {
      const stage = stages.get(node)!;
      this.#stageOf.set(node, stage);
      const start = whole - toEnd.get(node)! - (limits[stage - 1] ?? 0);
      const inputs = node.inputs.flatMap((input) =>
        input.kind === 'node' && stages.get(input.node) === stage ? [this.#starts.get(input.node)!] : [],
      );
      // Loads before what a store may overwrite.
      this.#starts.set(node, node.isStore ? Infinity : Math.max(start, ...inputs));
    }
  }

  /** Where to cut: into about a third each, and so that few values are carried. */
  #limits(startOf: (node: Node) => number, whole: number): readonly [number, number] {
    const spans = new Map<Node, { readonly start: number; end: number }>();
    for (const node of this.#nodes) {
      if (node.isLoad) continue;
      const start = startOf(node);
      spans.set(node, { start, end: start });
      for (const input of node.inputs) {
        const span = input.kind === 'node' ? spans.get(input.node) : undefined;
        if (span !== undefined) span.end = Math.max(span.end, start);
      }
    }
    const all = [...spans.values()];
    const cuts = [...new Set(all.map(({ start }) => start))].map((at) => ({
      at,
      carried: all.filter(({ start, end }) => start < at && end >= at).length,
    }));
    const between = (from: number, to: number) =>
      cuts.filter(({ at }) => at >= from * whole && at <= to * whole);
    let best: { readonly cost: number; readonly limits: readonly [number, number] } = {
      cost: Infinity,
      limits: [whole / 3, (2 * whole) / 3],
    };
    for (const first of between(0.2, 0.47)) {
      for (const second of between(0.53, 0.8)) {
        const longest = Math.max(first.at, second.at - first.at, whole - second.at);
        const cost = longest + 0.03 * whole * (first.carried + second.carried);
        if (cost < best.cost) best = { cost, limits: [first.at, second.at] };
      }
    }
    return best.limits;
  }
}

/** Instructions whose result is stored or kept, in their order. */
function used(nodes: readonly Node[], kept: readonly Input[]): readonly Node[] {
  const found = new Set<Node>();
  const enter = (node: Node): void => {
    if (found.has(node)) return;
    found.add(node);
    for (const input of node.inputs) if (input.kind === 'node') enter(input.node);
  };
  for (const node of nodes) if (node.isStore) enter(node);
  for (const input of kept) if (input.kind === 'node') enter(input.node);
  return nodes.filter((node) => found.has(node));
}
