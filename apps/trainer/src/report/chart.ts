/** Line charts as SVG. */
import { escapeHtml } from './html.js';

/** One line, or one row of points. */
export interface Series {
  readonly name: string;
  /** A class of the page's style sheet, which gives the colour. */
  readonly className: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly marks?: boolean;
  /** A line to compare with: it is in the chart whole. */
  readonly reference?: boolean;
}

/** What a chart shows. */
export interface ChartInput {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

const size = { width: 860, height: 300 };
const margin = { left: 64, right: 16, top: 12, bottom: 36 };
const inner = {
  width: size.width - margin.left - margin.right,
  height: size.height - margin.top - margin.bottom,
};

/** Round numbers across a range, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** At most `most` points of a line: of every stretch its first, lowest and highest, so that no peak is lost. */
export function thinned(
  points: readonly (readonly [number, number])[],
  most = 900,
): (readonly [number, number])[] {
  if (points.length <= most) return [...points];
  const stretch = Math.ceil((points.length * 3) / most);
  const kept: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const sorted = part.toSorted((a, b) => a[1] - b[1]);
    const wanted = new Set([part[0]!, sorted[0]!, sorted.at(-1)!]);
    kept.push(...part.filter((point) => wanted.has(point)));
  }
  return kept;
}

/**
 * The extremes of what is shown. Spikes do not flatten the rest: the top is where 98 % of all points lie below, and a little more, but
 * not below lines to compare with.
 */
function bounds(series: readonly Series[]): { x: [number, number]; y: [number, number] } {
  const points = series.flatMap((each) => each.points).filter(([, y]) => Number.isFinite(y));
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y).toSorted((a, b) => a - b);
  const low = ys[0] ?? 0;
  const most = ys.at(-1) ?? 1;
  const usual = ys[Math.floor(ys.length * 0.98)] ?? most;
  const compared = series.flatMap(({ points: own, reference }) => (reference ? own.map(([, y]) => y) : []));
  const high = Math.max(Math.min(most, usual + 0.25 * (usual - low)), ...compared);
  const floor = low > 0 && low < 0.5 * high ? 0 : low;
  return {
    x: [extreme(xs, Math.min), Math.max(1, extreme(xs, Math.max))],
    y: [floor, high > floor ? high : floor + (Math.abs(floor) || 1)],
  };
}

/** Math.min or Math.max of any number of values (a call with a million arguments fails); 0 of none. */
function extreme(values: readonly number[], of: (a: number, b: number) => number): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => of(a, b));
}

/** A chart as an SVG element. */
export function chart({ title, unit, series }: ChartInput): string {
  const shown = series.filter(({ points }) => points.length > 0);
  const { x, y } = bounds(shown);
  const atX = (value: number): number => margin.left + ((value - x[0]) / (x[1] - x[0] || 1)) * inner.width;
  const atY = (value: number): number =>
    margin.top + (1 - (Math.min(y[1], Math.max(y[0], value)) - y[0]) / (y[1] - y[0])) * inner.height;
  const place = (value: number): string => value.toFixed(1);
  const parts = [
    ...ticks(y[0], y[1], 5).map(
      (value) =>
        `<line class="grid" x1="${margin.left}" x2="${size.width - margin.right}" y1="${place(atY(value))}" y2="${place(atY(value))}"/>` +
        `<text class="tick" text-anchor="end" x="${margin.left - 8}" y="${place(atY(value) + 4)}">${value}</text>`,
    ),
    ...ticks(x[0], x[1], 8).map(
      (value) =>
        `<text class="tick" text-anchor="middle" x="${place(atX(value))}" y="${size.height - margin.bottom + 18}">${value}</text>`,
    ),
    `<text class="tick" text-anchor="end" x="${size.width - margin.right}" y="${size.height - 4}">iteration</text>`,
    ...shown.map(({ className, points, marks }) => {
      const finite = points.filter(([, value]) => Number.isFinite(value));
      const path = thinned(finite)
        .map(([a, b], i) => `${i === 0 ? 'M' : 'L'}${place(atX(a))} ${place(atY(b))}`)
        .join('');
      const dots = marks
        ? finite
            .map(
              ([a, b]) =>
                `<circle class="dot ${className}" cx="${place(atX(a))}" cy="${place(atY(b))}" r="3"><title>iteration ${a}: ${Number(b.toPrecision(6))}</title></circle>`,
            )
            .join('')
        : '';
      return `<path class="line ${className}" d="${path}"/>${dots}`;
    }),
  ];
  const legend = shown
    .map(({ name, className }) => `<span class="key"><i class="${className}"></i>${escapeHtml(name)}</span>`)
    .join('');
  return `<figure><figcaption><b>${escapeHtml(title)}</b> <small>${escapeHtml(unit)}</small> ${legend}</figcaption>
<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg></figure>`;
}
