import { describe, expect, it } from 'vitest';
import { f32, sigmoidCrossEntropy, softmaxCrossEntropy, type Loss } from '../index.js';
import { makePlan } from '../plan/plan.js';
import type { Plan } from '../plan/types.js';
import { childrenOf, isLeaf, type Expr } from './expression.js';

function planOf(loss: Loss, shape = [2, 3], gradients: readonly string[] = ['logits']): Plan {
  return makePlan(loss, { logits: f32(shape), targets: f32(shape) }, { gradients }).plan;
}

const passes = (plan: Plan): string[][] =>
  plan.stages
    .filter((stage) => stage.level === 'element')
    .map((stage) => stage.reductions.map((r) => r.name));

describe('schedule', () => {
  it('needs no pass along the row for a loss of single elements', () => {
    expect(planOf(sigmoidCrossEntropy()).stages.map((stage) => stage.level)).toEqual(['constant', 'row']);
  });

  it('puts reductions that read the same operands into one pass, and gradients into the last', () => {
    const plan = planOf(softmaxCrossEntropy());
    expect(passes(plan)).toEqual([['max'], ['ties', 'others', 'total', 'distance'], []]);
    expect(plan.stages.at(-1)?.outputs.map((output) => output.name)).toEqual(['gradient:logits']);
  });

  it('writes gradients in the pass of a reduction where they are known by then', () => {
    const plan = planOf(softmaxCrossEntropy({ floor: 'entropy' }));
    expect(passes(plan)).toEqual([['max'], ['ties', 'others', 'total'], ['divergence']]);
    expect(plan.stages.filter((stage) => stage.level === 'element').at(-1)?.outputs).toHaveLength(1);
  });

  it('leaves out what the wanted outputs do not read', () => {
    expect(passes(planOf(softmaxCrossEntropy({ reduction: 'none' }), [2, 3], []))).toHaveLength(2);
  });

  it('lists every node after those that it reads', () => {
    for (const loss of [
      softmaxCrossEntropy({ floor: 'entropy' }),
      sigmoidCrossEntropy({ floor: 'entropy' }),
    ]) {
      const lasting = new Set<Expr>();
      for (const stage of planOf(loss).stages) {
        const known = new Set(lasting);
        for (const node of stage.nodes) {
          for (const child of childrenOf(node)) {
            const isConstant = child.op === 'constant' || child.op === 'truth';
            expect(isConstant || known.has(child)).toBe(true);
          }
          expect(isLeaf(node) && node.op === 'constant').toBe(false);
          known.add(node);
          if (stage.level !== 'element') lasting.add(node);
        }
      }
    }
  });
});
