/** The order in which a plan is computed: passes along the reduced axis, and what is done once a row between them. */
import { childrenOf, walk, type Expr, type NumberExpr } from './expression.js';
import type { Reduction } from './program.js';

/** How often an expression changes: never during a run, with each row, or with each element of a row. */
export type Level = 'constant' | 'row' | 'element';

const order: Readonly<Record<Level, number>> = { constant: 0, row: 1, element: 2 };

/** The level of an expression, given the level of each operand. */
export function levels(operands: ReadonlyMap<string, Level>): (e: Expr) => Level {
  const known = new Map<Expr, Level>();
  const levelOf = (e: Expr): Level => {
    const cached = known.get(e);
    if (cached !== undefined) return cached;
    let level: Level = 'constant';
    if (e.op === 'operand') level = operands.get(e.name) ?? 'element';
    else if (e.op === 'position') level = 'element';
    else if (e.op === 'reduction') level = 'row';
    for (const child of childrenOf(e)) {
      const inner = levelOf(child);
      if (order[inner] > order[level]) level = inner;
    }
    known.set(e, level);
    return level;
  };
  return levelOf;
}

/** What is written for every row or element. */
export interface ScheduledOutput {
  readonly name: string;
  readonly level: 'row' | 'element';
  readonly of: NumberExpr;
}

/** What is added up over all rows. */
export interface ScheduledTotal {
  readonly name: string;
  readonly of: NumberExpr;
}

/**
 * One step of a row's computation. `constant` comes first and once a run; then, for each row, `row` and `element`
 * stages alternate. Values of `row` stages last until the end of the row, those of `element` stages do not.
 */
export interface Stage {
  readonly level: Level;
  /** Distinct expressions to compute here, operands before their users; constants are left out. */
  readonly nodes: readonly Expr[];
  /** Reductions that are complete when this element stage has passed over the row. */
  readonly reductions: readonly Reduction[];
  readonly outputs: readonly ScheduledOutput[];
  readonly totals: readonly ScheduledTotal[];
}

/** What there is to schedule. Expressions are shared (see `canonical.ts`). */
export interface Schedulable {
  readonly operands: readonly { readonly name: string; readonly level: 'row' | 'element' }[];
  readonly reductions: readonly Reduction[];
  readonly outputs: readonly ScheduledOutput[];
  readonly totals: readonly ScheduledTotal[];
}

/**
 * Schedules a plan. Reductions are put into as few passes over the row as their dependencies allow, and each as late as
 * it may be, so that reductions that read the same operands share a pass.
 */
export function schedule(plan: Schedulable): readonly Stage[] {
  const levelOf = levels(new Map(plan.operands.map(({ name, level }) => [name, level])));
  const passes = assignPasses(plan.reductions);
  const passCount = Math.max(0, ...[...passes.values()].map((pass) => pass + 1));
  const timeOf = availability(passes);

  const elementOutputs = plan.outputs.filter((output) => output.level === 'element');
  const last = elementOutputs.some((output) => timeOf(output.of) === passCount) ? passCount : passCount - 1;
  const elementStages = Array.from({ length: Math.max(last + 1, 0) }, (_, pass) => ({
    reductions: plan.reductions.filter((reduction) => passes.get(reduction.name) === pass),
    outputs: pass === last ? elementOutputs : [],
  }));
  const rowOutputs = plan.outputs.filter((output) => output.level === 'row');
  const roots: Expr[] = [
    ...plan.reductions.map((reduction) => reduction.of),
    ...plan.outputs.map((output) => output.of),
    ...plan.totals.map((total) => total.of),
  ];

  const stages: Stage[] = [];
  const stage = (level: Level, nodes: Expr[], more: Partial<Stage> = {}): void => {
    stages.push({ level, nodes, reductions: [], outputs: [], totals: [], ...more });
  };
  const collect = (from: readonly Expr[], keep: (e: Expr) => boolean): Expr[] => {
    const nodes: Expr[] = [];
    walk(from, (e) => {
      if (e.op !== 'constant' && e.op !== 'truth' && keep(e)) nodes.push(e);
    });
    return nodes;
  };

  stage(
    'constant',
    collect(roots, (e) => levelOf(e) === 'constant'),
  );
  for (let pass = 0; pass <= passCount; pass++) {
    const isLast = pass === passCount;
    stage(
      'row',
      collect(roots, (e) => levelOf(e) === 'row' && timeOf(e) === pass),
      isLast ? { outputs: rowOutputs, totals: plan.totals } : {},
    );
    const element = elementStages[pass];
    if (element === undefined) continue;
    const inner = [...element.reductions.map((r) => r.of), ...element.outputs.map((output) => output.of)];
    stage(
      'element',
      collect(inner, (e) => levelOf(e) === 'element'),
      element,
    );
  }
  return stages;
}

function namesIn(e: Expr): string[] {
  const names: string[] = [];
  walk([e], (node) => {
    if (node.op === 'reduction') names.push(node.name);
  });
  return names;
}

/** The pass in which each reduction is computed: as late as those that read it allow. */
function assignPasses(reductions: readonly Reduction[]): Map<string, number> {
  const earliest = new Map<string, number>();
  for (const reduction of reductions) {
    const needs = namesIn(reduction.of).map((name) => (earliest.get(name) ?? -1) + 1);
    earliest.set(reduction.name, Math.max(0, ...needs));
  }
  const final = Math.max(0, ...earliest.values());
  const passes = new Map<string, number>();
  for (const reduction of reductions.toReversed()) {
    let pass = final;
    for (const later of reductions) {
      const at = passes.get(later.name);
      if (at !== undefined && namesIn(later.of).includes(reduction.name)) pass = Math.min(pass, at - 1);
    }
    passes.set(reduction.name, pass);
  }
  return passes;
}

/** The number of passes that must be over before an expression can be computed. */
function availability(passes: ReadonlyMap<string, number>): (e: Expr) => number {
  const known = new Map<Expr, number>();
  const timeOf = (e: Expr): number => {
    const cached = known.get(e);
    if (cached !== undefined) return cached;
    const time =
      e.op === 'reduction' ? (passes.get(e.name) ?? -1) + 1 : Math.max(0, ...childrenOf(e).map(timeOf));
    known.set(e, time);
    return time;
  };
  return timeOf;
}
