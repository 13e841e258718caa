/** Losses over regions: ratios of sums along the spatial axes, one value for each image and channel. */
import * as b from '../program/build.js';
import type { NumberExpr } from '../program/expression.js';
import { sign } from '../program/functions.js';
import type { Program } from '../program/program.js';
import { OptionError } from '../errors.js';
import { defineLoss, numberOption, oneOf, show, type LossFactory } from './define.js';
import type { ProgramContext } from './loss.js';

/** Options of every region loss beyond the common ones. */
export interface RegionOptions {
  /** What the prediction holds: `logits` go through the sigmoid. Default `logits`. */
  readonly from: 'logits' | 'probabilities';
  /** Adjacent axes that form the region; negative ones count from the end. Default: all after the first two (NCHW). */
  readonly axes: readonly number[];
  /** Added to the denominator (and to both parts of the ratio 1 - loss); default 0. */
  readonly smooth: number;
}

/** Options of {@link tversky} beyond those of every region loss. */
export interface TverskyOptions extends RegionOptions {
  /** Weight >= 0 of false positives; default 0.5. */
  readonly alpha: number;
  /** Weight >= 0 of false negatives; default 0.5. */
  readonly beta: number;
}

/** A prediction in [0, 1] with what its parts need. */
interface Region {
  readonly p: NumberExpr;
  readonly notP: NumberExpr;
  readonly t: NumberExpr;
  readonly notT: NumberExpr;
  /** p - t */
  readonly difference: NumberExpr;
  /** dp / d prediction */
  readonly slope: NumberExpr;
}

function regionOf(
  { prediction, target, complement }: ProgramContext,
  from: 'logits' | 'probabilities',
): Region {
  const [t, notT] = [target, complement];
  if (from === 'probabilities') {
    return {
      p: prediction,
      notP: b.sub(1, prediction),
      t,
      notT,
      difference: b.sub(prediction, t),
      slope: b.constant(1),
    };
  }
  const tail = b.logisticTail(prediction);
  const rest = b.sub(1, tail);
  const isPositive = b.le(0, prediction);
  return {
    p: b.select(isPositive, rest, tail),
    notP: b.select(isPositive, tail, rest),
    t,
    notT,
    // Near 1, 1 - t and 1 - p have more digits than t and p.
    difference: b.select(isPositive, b.sub(notT, tail), b.sub(tail, t)),
    slope: b.mul(tail, rest),
  };
}

/** An element's part in a sum, and its derivatives by the element's prediction and target. */
interface Part {
  readonly of: NumberExpr;
  readonly byP: NumberExpr;
  readonly byT: NumberExpr;
}

/** sum(numerator) / (sum(denominator) + smooth), and 0 where that is 0 / 0: an empty prediction of an empty target. */
function ratio(region: Region, numerator: Part, denominator: Part, options: Partial<RegionOptions>): Program {
  const { from = 'logits', smooth = 0 } = options;
  const bottom = b.add(b.reduction('denominator'), smooth);
  const isEmpty = b.eq(bottom, 0);
  const value = b.select(isEmpty, 0, b.div(b.reduction('numerator'), bottom));
  const by = (n: NumberExpr, d: NumberExpr): NumberExpr =>
    b.select(isEmpty, 0, b.div(b.sub(n, b.mul(value, d)), bottom));
  return {
    reductions: [
      { name: 'numerator', op: 'sum', of: numerator.of },
      { name: 'denominator', op: 'sum', of: denominator.of },
    ],
    value,
    gradients: {
      [from]: b.mul(by(numerator.byP, denominator.byP), region.slope),
      targets: by(numerator.byT, denominator.byT),
    },
  };
}

function defineRegion<O extends RegionOptions = RegionOptions>(
  kind: string,
  parts: (region: Region, options: Partial<O>) => { numerator: Part; denominator: Part },
  more: Partial<Omit<O, keyof RegionOptions>> = {},
): LossFactory<Partial<O>> {
  return defineLoss<Partial<RegionOptions>>({
    kind,
    granularity: 'region',
    prediction: ({ from = 'logits' }) => from,
    axes: ({ axes }, rank) =>
      axes ?? (rank < 3 ? [rank - 1] : Array.from({ length: rank - 2 }, (_, i) => i + 2)),
    defaults: { from: 'logits', axes: undefined, smooth: 0, ...more },
    check(options) {
      const given: Record<string, unknown> = { ...options };
      oneOf(kind, given, 'from', ['logits', 'probabilities']);
      for (const name of ['smooth', ...Object.keys(more)]) {
        numberOption(kind, given, name, 'a number >= 0', (value) => value >= 0);
      }
      const axes: unknown = given['axes'];
      if (axes !== undefined && !(Array.isArray(axes) && axes.length > 0 && axes.every(Number.isInteger))) {
        throw new OptionError({
          subject: `${kind} option axes`,
          found: show(axes),
          expected: 'a list of at least one whole number',
        });
      }
    },
    program(context, options) {
      const region = regionOf(context, options.from ?? 'logits');
      const { numerator, denominator } = parts(region, options as Partial<O>);
      return ratio(region, numerator, denominator, options);
    },
  });
}

/** sum of |p - t| */
function distance({ difference }: Region): Part {
  const toward = sign(difference);
  return { of: b.abs(difference), byP: toward, byT: b.neg(toward) };
}

/** sum of p + t */
function mass({ p, t }: Region): Part {
  return { of: b.add(p, t), byP: b.constant(1), byT: b.constant(1) };
}

/**
 * Dice semimetric loss (Wang et al., "Dice Semimetric Losses", 2023, DML1): one value for each image and channel,
 *
 *     loss = sum |p - t| / (sum (p + t) + smooth)          p = sigma(logits)
 *
 * equal to the Dice loss for hard targets and minimised at p = t for soft ones too. 0 where both are empty.
 *
 * Operands: `logits` (or `probabilities`, with `from`); `targets` of the same shape, float or uint8 (n/255). `mask`
 * broadcasts to that shape and takes elements out of the sums; a region that is masked whole does not count. `weights`
 * broadcast to the shape without the region's axes.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const diceSemimetric = defineRegion('diceSemimetric', (region) => ({
  numerator: distance(region),
  denominator: mass(region),
}));

/**
 * Jaccard metric loss (Wang, Ning and Blaschko, "Jaccard Metric Losses", 2023, JML1): one value for each image and
 * channel,
 *
 *     loss = 1 - (B - A + smooth) / (B + A + smooth) = 2 A / (A + B + smooth),   A = sum |p - t|,  B = sum (p + t)
 *
 * equal to the soft Jaccard loss for hard targets and minimised at p = t for soft ones too. Operands as for
 * {@link diceSemimetric}.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const jaccardMetric = defineRegion('jaccardMetric', (region) => {
  const a = distance(region);
  const whole = mass(region);
  return {
    numerator: { of: b.mul(2, a.of), byP: b.mul(2, a.byP), byT: b.mul(2, a.byT) },
    denominator: { of: b.add(a.of, whole.of), byP: b.add(a.byP, whole.byP), byT: b.add(a.byT, whole.byT) },
  };
});

/**
 * Soft Dice loss (Milletari et al. 2016, with sums in place of squares): one value for each image and channel,
 *
 *     loss = 1 - (2 sum p t + smooth) / (sum p + sum t + smooth)
 *          = sum (p (1-t) + t (1-p)) / (sum (p + t) + smooth)     no term is negative
 *
 * With soft targets it is not minimised at p = t (it prefers p in {0, 1}): use {@link diceSemimetric} there. Operands as
 * for {@link diceSemimetric}.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const dice = defineRegion('dice', (region) => {
  const { p, notP, t, notT } = region;
  return {
    numerator: { of: b.add(b.mul(p, notT), b.mul(t, notP)), byP: b.sub(notT, t), byT: b.sub(notP, p) },
    denominator: mass(region),
  };
});

/**
 * Tversky loss (Salehi et al. 2017): one value for each image and channel,
 *
 *     loss = 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth)
 *          = (alpha FP + beta FN) / (TP + alpha FP + beta FN + smooth)
 *     TP = sum p t,  FP = sum p (1-t),  FN = sum (1-p) t
 *
 * alpha = beta = 0.5 is the Dice loss, alpha = beta = 1 the soft Jaccard loss. With soft targets it is not minimised at
 * p = t: use {@link diceSemimetric} or {@link jaccardMetric} there. Operands as for {@link diceSemimetric}.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const tversky = defineRegion<TverskyOptions>(
  'tversky',
  ({ p, notP, t, notT }, { alpha = 0.5, beta = 0.5 }) => {
    const wrong = b.add(b.mul(alpha, b.mul(p, notT)), b.mul(beta, b.mul(notP, t)));
    const wrongByP = b.sub(b.mul(alpha, notT), b.mul(beta, t));
    const wrongByT = b.sub(b.mul(beta, notP), b.mul(alpha, p));
    return {
      numerator: { of: wrong, byP: wrongByP, byT: wrongByT },
      denominator: { of: b.add(b.mul(p, t), wrong), byP: b.add(t, wrongByP), byT: b.add(p, wrongByT) },
    };
  },
  { alpha: 0.5, beta: 0.5 },
);
