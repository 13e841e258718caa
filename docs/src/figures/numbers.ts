/** What the figures of the guide to soft labels show, computed by the library. */
import { cpu } from '@softxent/backend-cpu';
import { dice, diceSemimetric, openSync, sigmoidCrossEntropy, tensor, type Loss } from '@softxent/core';

const f = Math.fround;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** The curve that it belongs to. */
  readonly of: string;
}

/** The loss of a soft label for every predicted probability, and its floor: the least value, where they agree. */
export function floors(): { curves: Point[]; least: Point[] } {
  using session = openSync(cpu());
  const loss = (probability: number, label: number): number =>
    session.value(sigmoidCrossEntropy(), {
      logits: tensor(Float64Array.of(Math.log(probability / (1 - probability)))),
      targets: tensor(Float64Array.of(label)),
    });
  const labels = [1, 0.9, 0.7, 0.5];
  const curves = labels.flatMap((label) =>
    range(99).map((i) => ({ x: (i + 1) / 100, y: loss((i + 1) / 100, label), of: `label ${label}` })),
  );
  const soft = labels.filter((label) => label < 1);
  return { curves, least: soft.map((label) => ({ x: label, y: loss(label, label), of: `label ${label}` })) };
}

/** Errors in ulp, of float32 results, of the usual form of sigmoid cross-entropy and of softxent's; target 0.999999. */
export function digits(): Point[] {
  using session = openSync(cpu());
  const target = f(0.999999);
  const logits = Float32Array.from(range(161), (i) => 10 ** (i / 40));
  const operands = { logits: tensor(logits), targets: tensor(new Float32Array(logits.length).fill(target)) };
  const ours = session.value(sigmoidCrossEntropy({ reduction: 'none' }), operands).data;
  return Array.from(logits).flatMap((x, i) => {
    const truth = x * (1 - target) + Math.log1p(Math.exp(-x));
    const usual = f(f(x - f(x * target)) + f(Math.log1p(f(Math.exp(-x)))));
    const ulp = 2 ** (Math.floor(Math.log2(truth)) - 23);
    // What is right to the last digit is drawn at a tenth of one: the axis is logarithmic.
    const error = (value: number): number => Math.max(0.1, Math.abs(value - truth) / ulp);
    return [
      { x, y: error(usual), of: 'max(x, 0) - x t + log1p(exp(-|x|))' },
      { x, y: error(ours[i] ?? NaN), of: 'softxent' },
    ];
  });
}

/** Dice and its semimetric on a region whose targets are all 0.6, for every prediction. */
export function regions(): Point[] {
  using session = openSync(cpu());
  const value = (loss: Loss, p: number): number =>
    session.value(loss, {
      probabilities: tensor(new Float64Array(16).fill(p), [1, 1, 4, 4]),
      targets: tensor(new Float64Array(16).fill(0.6), [1, 1, 4, 4]),
    }) as number;
  return range(101).flatMap((i) => [
    { x: i / 100, y: value(dice({ from: 'probabilities' }) as Loss, i / 100), of: 'dice' },
    {
      x: i / 100,
      y: value(diceSemimetric({ from: 'probabilities' }) as Loss, i / 100),
      of: 'diceSemimetric',
    },
  ]);
}
