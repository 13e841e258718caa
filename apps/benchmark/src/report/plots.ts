/** Curves as SVG, drawn without a browser. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { short } from './format.js';
import type { Chart, Series } from './series.js';

const labels: Readonly<Record<Chart['axis'], string>> = {
  elements: 'elements',
  classes: 'classes',
  threads: 'threads',
};

const dashes: Readonly<Record<Series['kind'], string>> = { backend: '0', peer: '5 4', limit: '1 3' };

interface Dot {
  readonly name: string;
  readonly kind: Series['kind'];
  readonly x: number;
  readonly y: number;
  readonly q1: number;
  readonly q3: number;
}

const dotsOf = ({ series }: Chart): readonly Dot[] =>
  series.flatMap(({ name, kind, points }) => points.map((point) => ({ name, kind, ...point })));

const titleOf = ({ name, x, y, q1, q3 }: Dot): string =>
  `${name}, ${x}: ${short(y)} ns per element (quartiles ${short(q1)} and ${short(q3)})`;

/**
 * The chart as HTML: a legend and an SVG. Backends are solid, peers dashed, limits dotted; bars span the quartiles.
 *
 * @param all names of every curve of the report, so that each has one colour in all charts
 */
export function plotHtml(chart: Chart, all: readonly string[]): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const dots = dotsOf(chart);
  const names = chart.series.map(({ name }) => name);
  const marks: Plot.Markish[] = chart.series.map(({ name, kind, points }) =>
    Plot.lineY([...points], {
      x: 'x',
      y: 'y',
      stroke: () => name,
      strokeWidth: 1.8,
      strokeDasharray: dashes[kind],
    }),
  );
  const figure = Plot.plot({
    document,
    width: 720,
    height: 420,
    marginLeft: 56,
    marginRight: 24,
    grid: true,
    style: { fontSize: '12px', background: 'none', color: 'currentColor' },
    x: {
      type: chart.axis === 'threads' ? 'linear' : 'log',
      label: labels[chart.axis],
      ticks: ticksOf(chart, dots),
      tickFormat: (x: number) => (x >= 1e4 ? x.toExponential(0).replace('e+', 'e') : String(x)),
    },
    y: { type: 'log', label: 'ns per element', tickFormat: String },
    color: { legend: true, domain: names, range: names.map((name) => colour(all.indexOf(name), all.length)) },
    marks: [
      ...marks,
      Plot.ruleX(dots, { x: 'x', y1: 'q1', y2: 'q3', stroke: 'name', strokeWidth: 4, strokeOpacity: 0.35 }),
      Plot.dot(dots, { x: 'x', y: 'y', r: 3, fill: 'name', title: titleOf }),
    ],
  });
  return (figure as unknown as { outerHTML: string }).outerHTML;
}

/** Powers of ten for sizes, what was measured for the others. */
function ticksOf({ axis }: Chart, dots: readonly Dot[]): readonly number[] {
  const values = dots.map(({ x }) => x);
  if (axis !== 'elements') return [...new Set(values)];
  const [low, high] = [Math.min(...values), Math.max(...values)].map((x) => Math.round(Math.log10(x)));
  return Array.from({ length: high! - low! + 1 }, (_, i) => 10 ** (low! + i));
}

/** Hues evenly apart, of a lightness that shows on white and on black. */
function colour(at: number, many: number): string {
  return `hsl(${Math.round((360 * at) / many)} 65% ${at % 2 === 0 ? 48 : 58}%)`;
}
