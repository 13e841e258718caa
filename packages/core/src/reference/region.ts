/** Losses over regions, from their formulas: ratios of sums over the unmasked elements. */
import { number, type Formula, type Options, type Row, type RowLoss, type Scaled } from './formula.js';
import { largest, sum } from './numbers.js';
import { differenceAt, sigmoids } from './sigmoid.js';

/** One element: p with its complement, t with its complement. */
interface Element {
  readonly p: number;
  readonly notP: number;
  readonly t: number;
  readonly notT: number;
  /** p - t. */
  readonly difference: Scaled;
  /** dp / d prediction. */
  readonly slope: number;
}

/** What an element adds to numerator and denominator, and the derivatives of that by p and t. */
interface Parts {
  readonly numerator: Scaled;
  readonly denominator: Scaled;
  readonly numeratorByP: Scaled;
  readonly numeratorByT: Scaled;
  readonly denominatorByP: Scaled;
  readonly denominatorByT: Scaled;
}

const plain = (value: number): Scaled => ({ value, scale: Math.abs(value) });
const of = (...terms: readonly number[]): Scaled => ({ value: sum(terms), scale: largest(...terms) });

function elementOf(x: number, t: number, notT: number, options: Options): Element {
  if (options['from'] === 'probabilities') {
    return { p: x, notP: 1 - x, t, notT, difference: of(x, -t), slope: 1 };
  }
  const { sigma, opposite } = sigmoids(x);
  return {
    p: sigma,
    notP: opposite,
    t,
    notT,
    difference: differenceAt(x, notT, t, 1),
    slope: sigma * opposite,
  };
}

function regionRow(
  row: Row,
  options: Options,
  partsOf: (element: Element, options: Options) => Parts,
): RowLoss {
  const smooth = number(options, 'smooth', 0);
  const elements = row.x.map((x, i) => elementOf(x, row.t[i]!, row.notT[i]!, options));
  const parts = elements.map((element) => partsOf(element, options));
  const top = sum(parts.map((part) => part.numerator.value));
  const bottom = sum([smooth, ...parts.map((part) => part.denominator.value)]);
  if (bottom === 0) {
    const none = elements.map(() => plain(0));
    return { ...plain(0), byPrediction: none, byTarget: none };
  }
  const value = top / bottom;
  const topScale = sum(parts.map((part) => part.numerator.scale));
  const bottomScale = sum([smooth, ...parts.map((part) => part.denominator.scale)]);
  const scale = largest(value, topScale / bottom, (value * bottomScale) / bottom);
  const by = (numerator: Scaled, denominator: Scaled): Scaled => ({
    value: (numerator.value - value * denominator.value) / bottom,
    scale: largest(numerator.scale, scale * denominator.scale) / Math.abs(bottom),
  });
  return {
    value,
    scale,
    byPrediction: parts.map((part, i) => {
      const derivative = by(part.numeratorByP, part.denominatorByP);
      const { slope } = elements[i]!;
      return { value: derivative.value * slope, scale: derivative.scale * slope };
    }),
    byTarget: parts.map((part) => by(part.numeratorByT, part.denominatorByT)),
  };
}

function region(partsOf: (element: Element, options: Options) => Parts): Formula {
  return {
    granularity: 'region',
    prediction: (options) => (options['from'] === 'probabilities' ? 'probabilities' : 'logits'),
    axes: (options, rank) => {
      const given = options['axes'] as readonly number[] | undefined;
      return given ?? (rank < 3 ? [rank - 1] : Array.from({ length: rank - 2 }, (_, i) => i + 2));
    },
    distributions: false,
    row: (row, options) => regionRow(row, options, partsOf),
  };
}

const distance = ({ difference }: Element): Scaled => ({
  value: Math.abs(difference.value),
  scale: difference.scale,
});

/** sum |p - t| / (sum (p + t) + smooth). */
export const diceSemimetric = region((element) => {
  const toward = Math.sign(element.difference.value);
  return {
    numerator: distance(element),
    denominator: of(element.p, element.t),
    numeratorByP: plain(toward),
    numeratorByT: plain(-toward),
    denominatorByP: plain(1),
    denominatorByT: plain(1),
  };
});

/** 2 A / (A + B + smooth), A = sum |p - t|, B = sum (p + t). */
export const jaccardMetric = region((element) => {
  const toward = Math.sign(element.difference.value);
  const a = distance(element);
  return {
    numerator: { value: 2 * a.value, scale: 2 * a.scale },
    denominator: {
      value: sum([a.value, element.p, element.t]),
      scale: largest(a.scale, element.p, element.t),
    },
    numeratorByP: plain(2 * toward),
    numeratorByT: plain(-2 * toward),
    denominatorByP: of(1, toward),
    denominatorByT: of(1, -toward),
  };
});

/** 1 - (2 sum p t + smooth) / (sum p + sum t + smooth), as sum (p (1-t) + t (1-p)) / (sum (p + t) + smooth). */
export const dice = region(({ p, notP, t, notT }) => ({
  numerator: of(p * notT, t * notP),
  denominator: of(p, t),
  numeratorByP: of(notT, -t),
  numeratorByT: of(notP, -p),
  denominatorByP: plain(1),
  denominatorByT: plain(1),
}));

/** 1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth). */
export const tversky = region(({ p, notP, t, notT }, options) => {
  const alpha = number(options, 'alpha', 0.5);
  const beta = number(options, 'beta', 0.5);
  return {
    numerator: of(alpha * p * notT, beta * notP * t),
    denominator: of(p * t, alpha * p * notT, beta * notP * t),
    numeratorByP: of(alpha * notT, -beta * t),
    numeratorByT: of(beta * notP, -alpha * p),
    denominatorByP: of(t, alpha * notT, -beta * t),
    denominatorByT: of(p, beta * notP, -alpha * p),
  };
});
