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

/** The chart as HTML: a legend and an SVG. Backends are solid, peers dashed, limits dotted; bars span the quartiles. */
export function plotHtml(chart: Chart): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const dots = dotsOf(chart);
  const names = chart.series.map(({ name }) => name);
  const ticks = [...new Set(dots.map(({ x }) => x))].toSorted((a, b) => a - b);
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
      ticks,
      tickFormat: (x: number) => (x >= 1e4 ? x.toExponential(0).replace('e+', 'e') : String(x)),
    },
    y: { type: 'log', label: 'ns per element', tickFormat: (y: number) => short(y).replace(/\.?0+$/, '') },
    color: { legend: true, domain: names, range: colours(names.length) },
    marks: [
      ...marks,
      Plot.ruleX(dots, { x: 'x', y1: 'q1', y2: 'q3', stroke: 'name', strokeWidth: 4, strokeOpacity: 0.35 }),
      Plot.dot(dots, { x: 'x', y: 'y', r: 3, fill: 'name', title: titleOf }),
    ],
  });
  return (figure as unknown as { outerHTML: string }).outerHTML;
}

/** Hues evenly apart, of a lightness that shows on white and on black. */
function colours(many: number): string[] {
  return Array.from(
    { length: many },
    (_, i) => `hsl(${Math.round((360 * i) / many)} 65% ${i % 2 === 0 ? 48 : 58}%)`,
  );
}
