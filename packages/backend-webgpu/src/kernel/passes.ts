/** A plan's stages in the order in which kernels do them. */
import type { Layout, OutputPlan, Plan, TotalPlan } from '@softxent/core/plan';
import type { Expr, Reduction, Stage } from '@softxent/core/program';

export class Passes {
  /** Rows of length 1 are one long run: there is nothing to step over. */
  readonly layout: Layout;
  readonly constants: readonly Expr[];
  /** `rowStages[p]` comes before `elementStages[p]`; there is a row stage after the last reduction. */
  readonly rowStages: readonly Stage[];
  readonly elementStages: readonly Stage[];
  readonly reductions: readonly Reduction[];
  readonly rowOutputs: readonly Pick<OutputPlan, 'name' | 'of'>[];
  readonly totals: readonly TotalPlan[];

  constructor(plan: Plan) {
    const { outer, extent, inner } = plan.layout;
    this.layout = extent === 1 ? { outer: 1, extent, inner: outer * inner } : plan.layout;
    this.constants = plan.stages.filter(({ level }) => level === 'constant').flatMap(({ nodes }) => nodes);
    this.rowStages = plan.stages.filter(({ level }) => level === 'row');
    this.elementStages = plan.stages.filter(({ level }) => level === 'element');
    this.reductions = plan.reductions;
    this.rowOutputs = plan.outputs.filter(({ level }) => level === 'row');
    this.totals = plan.totals;
  }

  get rows(): number {
    return this.layout.outer * this.layout.inner;
  }

  indexOfReduction(name: string): number {
    return this.reductions.findIndex((reduction) => reduction.name === name);
  }
}
