/** Charts of a report: cost of one workload, cost over sizes, and errors. */
import * as Plot from '@observablehq/plot';
import { limitFor } from '../../src/measure/ratios.js';
import type { MeasuredRow, Report } from '../../src/model.js';
import { chart, type Chart, type PlotOptions } from '../charts.js';
import { count, short, workloadTitle } from '../../src/report/format.js';
import { contestantText, measured } from './columns.js';

/** The report that is shown, and the workload that was picked. */
export interface Shown {
  readonly report: Report;
  readonly workload: string;
}

const series = 8;

/** Colours by contestant, the same in every chart: in the order of the report. */
function colourOf({ rows }: Report, name: string): string {
  const names = [...new Set(rows.map(contestantText))];
  return `var(--series-${(names.indexOf(name) % series) + 1})`;
}

/** Rows of the picked workload, fastest first. */
export function rowsOf({ report, workload }: Shown): readonly MeasuredRow[] {
  return measured(report)
    .filter((row) => workloadTitle(row) === workload)
    .toSorted((a, b) => a.nsPerElement.median - b.nsPerElement.median);
}

function decimal(value: number): string {
  return value >= 1e4 || value < 1e-2 ? value.toExponential(0).replace('e+', 'e') : String(value);
}

/** Names beside the plot, shorter where there is little room. */
const leftMargin = (names: readonly string[], width: number): number =>
  Math.min(0.42 * width, 16 + 6.6 * Math.max(8, ...names.map(({ length }) => length)));

/** Nanoseconds an element of everybody on one workload, with the quartiles and the limit of memory. */
export function costChart(shown: () => Shown | undefined): Chart {
  const draw = (width: number): PlotOptions | undefined => {
    const now = shown();
    if (now === undefined) return undefined;
    const points = rowsOf(now).map((row) => ({ row, name: contestantText(row), ...row.nsPerElement }));
    const names = points.map(({ name }) => name);
    const bounds = points.flatMap(({ row, name }) => {
      const limit = limitFor(row, now.report.limits);
      return limit === undefined ? [] : [{ name, limit: limit.nsPerElement.median }];
    });
    return {
      ariaLabel: `Nanoseconds per element on ${now.workload}`,
      height: 56 + 26 * names.length,
      marginLeft: leftMargin(names, width),
      marginRight: 48,
      marginTop: 12,
      marginBottom: 40,
      x: {
        type: 'log',
        label: 'ns per element, log scale',
        grid: true,
        ticks: Math.max(3, Math.round(width / 120)),
        tickFormat: decimal,
        nice: true,
      },
      y: { domain: names, label: null, tickSize: 0 },
      marks: [
        Plot.tickX(bounds, { x: 'limit', y: 'name', stroke: 'var(--ink-soft)', strokeWidth: 2 }),
        Plot.ruleY(points, {
          y: 'name',
          x1: 'q1',
          x2: 'q3',
          stroke: (d: (typeof points)[number]) => colourOf(now.report, d.name),
          strokeWidth: 6,
          strokeOpacity: 0.35,
        }),
        Plot.dot(points, {
          x: 'median',
          y: 'name',
          r: 5,
          fill: (d: (typeof points)[number]) =>
            d.row.role === 'peer' ? 'var(--surface)' : colourOf(now.report, d.name),
          stroke: (d: (typeof points)[number]) => colourOf(now.report, d.name),
          strokeWidth: 2,
        }),
        Plot.text(points, {
          x: (d: (typeof points)[number]) => Math.max(d.median, d.q3),
          y: 'name',
          text: (d: (typeof points)[number]) => short(d.median),
          textAnchor: 'start',
          dx: 10,
          fill: 'var(--ink)',
        }),
      ],
    };
  };
  return chart('Cost of a logit', draw, () => [
    { name: 'what memory allows, with as many threads', colour: 'var(--ink-soft)' },
    { name: 'filled: softxent; hollow: peers; band: quartiles' },
  ]);
}

/** Cost over the number of elements: a line for each contestant, for the picked loss and layout. */
export function scalingChart(shown: () => Shown | undefined): Chart {
  const sameButSize = ({ report, workload }: Shown): readonly MeasuredRow[] => {
    const picked = measured(report).find((row) => workloadTitle(row) === workload);
    return measured(report).filter(
      ({ loss, layout, classes }) =>
        loss === picked?.loss && layout === picked.layout && classes === picked.classes,
    );
  };
  const draw = (width: number): PlotOptions | undefined => {
    const now = shown();
    if (now === undefined) return undefined;
    const points = sameButSize(now).map((row) => ({
      name: contestantText(row),
      isPeer: row.role === 'peer',
      elements: row.elements,
      cost: row.nsPerElement.median,
    }));
    const names = [...new Set(points.map(({ name }) => name))];
    return {
      ariaLabel: 'Nanoseconds per element over the number of elements',
      height: 300,
      marginTop: 28,
      marginLeft: 48,
      marginBottom: 40,
      x: {
        type: 'log',
        label: 'elements',
        ticks: [...new Set(points.map(({ elements }) => elements))],
        tickFormat: count,
      },
      y: {
        type: 'log',
        label: 'ns per element',
        grid: true,
        ticks: Math.max(3, Math.round(width / 160)),
        tickFormat: decimal,
      },
      marks: names.map((name) => {
        const own = points.filter((point) => point.name === name);
        const stroke = colourOf(now.report, name);
        const isPeer = own[0]?.isPeer === true;
        const at = { x: 'elements', y: 'cost', stroke, strokeWidth: 2 };
        return [
          Plot.line(own, { ...at, ...(isPeer ? { strokeDasharray: '5 4' } : {}) }),
          Plot.dot(own, { ...at, r: 4, fill: isPeer ? 'var(--surface)' : stroke }),
        ];
      }),
    };
  };
  return chart('Cost over the number of elements', draw, () => {
    const now = shown();
    if (now === undefined) return [];
    const rows = sameButSize(now);
    const names = [...new Set(rows.map(contestantText))];
    return names.map((name) => ({
      name,
      colour: colourOf(now.report, name),
      kind: rows.some((row) => contestantText(row) === name && row.role === 'peer') ? 'dashed' : 'line',
    }));
  });
}

/** Errors beyond this many ulp are drawn at the edge. */
const mostUlp = 1e8;

/** Worst errors of value and gradient on confident logits. */
export function errorChart(shown: () => Shown | undefined): Chart {
  const draw = (width: number): PlotOptions | undefined => {
    const now = shown();
    if (now === undefined) return undefined;
    const points = rowsOf(now).flatMap((row) => {
      const { accuracy } = row;
      if (accuracy === null) return [];
      const name = contestantText(row);
      const at = (ulp: number | 'infinite'): number =>
        ulp === 'infinite' ? mostUlp : Math.min(mostUlp, Math.max(0.3, ulp));
      return [
        { name, isValue: true, ulp: at(accuracy.valueUlp) },
        { name, isValue: false, ulp: at(accuracy.gradientUlp) },
      ];
    });
    if (points.length === 0) return undefined;
    const names = [...new Set(points.map(({ name }) => name))];
    return {
      ariaLabel: `Worst errors in ulp on ${now.workload}`,
      height: 56 + 26 * names.length,
      marginLeft: leftMargin(names, width),
      marginRight: 24,
      marginTop: 12,
      marginBottom: 40,
      x: {
        type: 'log',
        domain: [0.3, mostUlp],
        label: 'worst error in ulp, log scale',
        grid: true,
        ticks: [1, 1e2, 1e4, 1e6, mostUlp],
        tickFormat: (value: number) => (value === mostUlp ? '≥1e8' : decimal(value)),
      },
      y: { domain: names, label: null, tickSize: 0 },
      marks: [
        Plot.ruleX([4], { stroke: 'var(--good)', strokeDasharray: '4 4' }),
        // Beside one another, since they are often the same.
        ...[true, false].map((isValue) =>
          Plot.dot(
            points.filter((point) => point.isValue === isValue),
            {
              x: 'ulp',
              y: 'name',
              dy: isValue ? -5 : 5,
              symbol: isValue ? 'circle' : 'diamond',
              r: 4.5,
              fill: isValue ? 'var(--series-1)' : 'var(--series-2)',
              stroke: 'var(--surface)',
            },
          ),
        ),
      ],
    };
  };
  return chart('Errors on confident logits', draw, () => [
    { name: 'value (circle)', colour: 'var(--series-1)', kind: 'area' },
    { name: 'gradient (diamond)', colour: 'var(--series-2)', kind: 'area' },
    { name: '4 ulp', colour: 'var(--good)', kind: 'dashed' },
  ]);
}
