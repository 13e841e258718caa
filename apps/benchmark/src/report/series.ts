/** What of a report can be drawn as a curve. */
import { sameWorkload } from '../measure/ratios.js';
import type { Limit, MeasuredRow, Report } from '../model.js';
import { contestantName, count } from './format.js';

/** A number with how far its samples lie. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly q1: number;
  readonly q3: number;
}

/** A curve. */
export interface Series {
  readonly name: string;
  readonly kind: 'backend' | 'peer' | 'limit';
  readonly points: readonly Point[];
}

/** Curves over the same axis. */
export interface Chart {
  readonly title: string;
  readonly axis: 'elements' | 'classes' | 'threads';
  readonly series: readonly Series[];
}

type Axis = Chart['axis'];

const titles: Readonly<Record<Axis, (row: MeasuredRow) => string>> = {
  elements: ({ loss, layout, classes }) =>
    `${loss}, ${layout}${classes === null ? '' : `, ${classes} classes`}: cost and size`,
  classes: ({ loss, layout, elements }) =>
    // Sizes are rounded to whole images, differently for each number of classes.
    `${loss}, ${layout}, about ${Number(elements.toPrecision(1)).toExponential(0).replace('e+', 'e')} elements: cost and classes`,
  threads: ({ loss, layout, elements, classes }) =>
    `${loss}, ${layout}, ${count(elements)} elements${classes === null ? '' : `, ${classes} classes`}: cost and threads`,
};

function nameOf(row: MeasuredRow, axis: Axis): string {
  const name = axis === 'threads' ? row.contestant : contestantName(row);
  return row.role === 'peer' ? `${name} (peer)` : name;
}

const pointOf = ({ nsPerElement }: MeasuredRow | Limit, x: number): Point => {
  const { median, q1, q3 } = nsPerElement;
  return { x, y: median, q1, q3 };
};

function limitSeries(rows: readonly MeasuredRow[], limits: readonly Limit[], axis: Axis): Series[] {
  if (axis === 'classes') return [];
  const fitting = limits.filter(
    (limit) =>
      limit.kernel === 'triad' && limit.device === 'cpu' && rows.some((row) => sameWorkload(row, limit)),
  );
  const named = (limit: Limit): string =>
    axis === 'threads'
      ? 'triad (limit)'
      : `${contestantName({ contestant: 'triad', threads: limit.threads })} (limit)`;
  return grouped(fitting, named).map(([name, group]) => ({
    name,
    kind: 'limit',
    points: sorted(
      group.map((limit) => pointOf(limit, axis === 'threads' ? (limit.threads ?? 1) : limit.elements)),
    ),
  }));
}

const sorted = (points: readonly Point[]): readonly Point[] => points.toSorted((a, b) => a.x - b.x);

function grouped<T>(all: readonly T[], nameFor: (each: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const name = nameFor(each);
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }
  return [...groups];
}

function valueOf(row: MeasuredRow, axis: Axis): number | null {
  return axis === 'threads' ? row.threads : row[axis];
}

function chartsOver(rows: readonly MeasuredRow[], limits: readonly Limit[], axis: Axis): readonly Chart[] {
  return grouped(rows, titles[axis]).flatMap(([title, group]) => {
    const series = grouped(group, (row) => nameOf(row, axis)).flatMap(([name, same]): Series[] => {
      const points = same.flatMap((row) => {
        const x = valueOf(row, axis);
        return x === null ? [] : [pointOf(row, x)];
      });
      const kind = same[0]?.role ?? 'backend';
      return new Set(points.map(({ x }) => x)).size < 2 ? [] : [{ name, kind, points: sorted(points) }];
    });
    if (series.length === 0) return [];
    return [{ title, axis, series: [...series, ...limitSeries(group, limits, axis)] }];
  });
}

/** Threads are drawn at the largest size alone: elsewhere they are told by the curves over sizes. */
function largest(rows: readonly MeasuredRow[]): readonly MeasuredRow[] {
  const most = new Map<string, number>();
  const nameOfGroup = ({ loss, layout }: MeasuredRow): string => `${loss} ${layout}`;
  for (const row of rows) {
    most.set(nameOfGroup(row), Math.max(row.elements, most.get(nameOfGroup(row)) ?? 0));
  }
  return rows.filter((row) => row.elements === most.get(nameOfGroup(row)));
}

/** Every chart that the report has at least one curve of two points for. */
export function chartsOf(report: Pick<Report, 'rows' | 'limits'>): readonly Chart[] {
  const rows = report.rows.filter((row): row is MeasuredRow => row.status === 'measured');
  return [
    ...chartsOver(rows, report.limits, 'elements'),
    ...chartsOver(rows, report.limits, 'classes'),
    ...chartsOver(largest(rows), report.limits, 'threads'),
  ];
}
