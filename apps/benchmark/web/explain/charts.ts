/** Curves over the logits: the loss with its floor, the gradient, and the digits that are right. */
import * as Plot from '@observablehq/plot';
import { chart, type Chart, type LegendEntry } from '../charts.js';
import { rightDigits } from './digits.js';
import { bestLogit, exactAlong, exactAt, type Point } from './exact.js';
import { forms, type Quantity } from './forms.js';
import type { State } from './state.js';

const samples = 257;

/** Logits are drawn from -reach to reach, which doubles when the point would leave: a steady picture while a slider moves. */
function reachFor(logit: number): number {
  return 2 ** Math.max(3, Math.ceil(Math.log2(1.1 * Math.abs(logit))));
}

function logitsOver(reach: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => reach * ((2 * i) / (samples - 1) - 1));
}

type At = Point & { readonly logit: number };

/** The curve and the point for the present state, computed once for all charts. */
export class Curve {
  readonly #state: State;
  #key = '';
  #along: readonly At[] = [];

  constructor(state: State) {
    this.#state = state;
  }

  get reach(): number {
    return reachFor(this.#state.place.logit);
  }

  get point(): At {
    const { logit, target } = this.#state.place;
    return { ...exactAt(logit, target), logit };
  }

  /** Where the loss is its floor. */
  get best(): number {
    return bestLogit(this.#state.place.target);
  }

  get along(): readonly At[] {
    const { target } = this.#state.place;
    const key = `${this.reach} ${target}`;
    if (key !== this.#key) {
      const logits = logitsOver(this.reach);
      this.#along = exactAlong(logits, target).map((point, i) => ({ ...point, logit: logits[i] ?? 0 }));
      this.#key = key;
    }
    return this.#along;
  }
}

/** Ticks as people write them: 0, 5k, 1M. */
function shortNumber(value: number): string {
  const magnitude = Math.abs(value);
  const [by, unit] = magnitude >= 1e6 ? [1e6, 'M'] : magnitude >= 1e3 ? [1e3, 'k'] : [1, ''];
  return `${value < 0 ? '−' : ''}${Number((magnitude / by).toPrecision(6))}${unit}`;
}

const axisOfLogits = (reach: number): Plot.ScaleOptions => ({
  domain: [-reach, reach],
  label: 'logit x',
  tickFormat: shortNumber,
});

const margins = { marginTop: 28, marginLeft: 48, marginRight: 12, marginBottom: 36 };
const ticksFor = (width: number): number => Math.max(4, Math.round(width / 90));

/** The loss over the logits, the floor, what the point is above it, and the tangent. */
export function lossChart(curve: Curve): Chart {
  const draw = (width: number): ReturnType<Parameters<typeof chart>[1]> => {
    const { along, best, point, reach } = curve;
    const highest = Math.max(...along.map(({ loss }) => loss), 1e-9);
    const side = reach * 0.16;
    const tangent = [-side, side].map((d) => ({
      logit: point.logit + d,
      loss: point.loss + d * point.gradient,
    }));
    return {
      height: 300,
      ...margins,
      x: { ...axisOfLogits(reach), ticks: ticksFor(width) },
      y: {
        domain: [0, highest * 1.05],
        label: 'loss in nats',
        grid: true,
        ticks: 6,
        tickFormat: shortNumber,
      },
      marks: [
        Plot.areaY(along, {
          x: 'logit',
          y1: 'floor',
          y2: 'loss',
          fill: 'var(--series-1)',
          fillOpacity: 0.08,
        }),
        Plot.ruleY([point.floor], { stroke: 'var(--series-3)', strokeWidth: 2, strokeDasharray: '5 4' }),
        Plot.lineY(along, { x: 'logit', y: 'loss', stroke: 'var(--series-1)', strokeWidth: 2.5 }),
        Plot.dot(Math.abs(best) <= reach ? [{ logit: best, floor: point.floor }] : [], {
          x: 'logit',
          y: 'floor',
          r: 5,
          fill: 'var(--surface)',
          stroke: 'var(--series-3)',
          strokeWidth: 2,
        }),
        Plot.line(tangent, { x: 'logit', y: 'loss', stroke: 'var(--series-2)', strokeWidth: 2, clip: true }),
        Plot.ruleX([point], {
          x: 'logit',
          y1: 'floor',
          y2: 'loss',
          stroke: 'var(--series-4)',
          strokeWidth: 3,
        }),
        Plot.dot([point], {
          x: 'logit',
          y: 'loss',
          r: 6,
          fill: 'var(--ink)',
          stroke: 'var(--surface)',
          strokeWidth: 2,
        }),
      ],
    };
  };
  const legend: LegendEntry[] = [
    { name: 'loss', colour: 'var(--series-1)' },
    { name: 'floor: the entropy of the label', colour: 'var(--series-3)', kind: 'dashed' },
    { name: 'excess: what can be learned', colour: 'var(--series-4)' },
    { name: 'gradient, as the slope', colour: 'var(--series-2)' },
  ];
  return chart('The loss over the logit', draw, () => legend);
}

/** sigma(x) - t over the logits. */
export function gradientChart(curve: Curve): Chart {
  return chart('The gradient σ(x) − t', (width) => {
    const { along, point, reach } = curve;
    return {
      height: 180,
      ...margins,
      x: { ...axisOfLogits(reach), ticks: ticksFor(width) },
      y: { domain: [-1, 1], label: 'gradient', grid: true, ticks: 5 },
      marks: [
        Plot.ruleY([0], { stroke: 'var(--line)' }),
        Plot.lineY(along, { x: 'logit', y: 'gradient', stroke: 'var(--series-2)', strokeWidth: 2.5 }),
        Plot.dot([point], {
          x: 'logit',
          y: 'gradient',
          r: 6,
          fill: 'var(--ink)',
          stroke: 'var(--surface)',
          strokeWidth: 2,
        }),
      ],
    };
  });
}

/** Colour of each form, the same wherever it is drawn. */
const colours = { softxent: 'var(--series-1)', rearranged: 'var(--series-2)', definition: 'var(--series-4)' };

/** How many decimal digits each form gets right in float32 over the logits. */
export function digitsChart(curve: Curve, state: State, quantity: () => Quantity): Chart {
  const draw = (width: number): ReturnType<Parameters<typeof chart>[1]> => {
    const { along, reach } = curve;
    const { logit, target } = state.place;
    const right = forms.map((form) => ({
      form,
      points: along.map((point) => ({
        logit: point.logit,
        digits: rightDigits(form.at(point.logit, target)[quantity()], point[quantity()]),
      })),
    }));
    return {
      height: 220,
      ...margins,
      x: { ...axisOfLogits(reach), ticks: ticksFor(width) },
      y: { domain: [0, 7.5], label: 'right digits', grid: true, ticks: [0, 1, 2, 3, 4, 5, 6, 7] },
      marks: [
        Plot.ruleX([logit], { stroke: 'var(--ink-soft)', strokeDasharray: '2 3' }),
        ...right
          .toReversed()
          .map(({ form, points }) =>
            Plot.lineY(points, { x: 'logit', y: 'digits', stroke: colours[form.id], strokeWidth: 2 }),
          ),
      ],
    };
  };
  return chart('Decimal digits that float32 gets right', draw, () =>
    forms.map(({ id, name }) => ({ name, colour: colours[id] })),
  );
}
