/** The table of results: what stands in each column, for the page and for spreadsheets. */
import { relativeSpread } from '../../src/measure/statistics.js';
import type { Accuracy, MeasuredRow, Report, Row } from '../../src/model.js';
import { contestantName, count, percent, short, ulp } from '../../src/report/format.js';

/** A column of the table. */
export interface Column {
  readonly name: string;
  /** What it says, in a sentence. */
  readonly hint: string;
  readonly isNumber: boolean;
  readonly cell: (row: MeasuredRow) => string;
}

const accuracyCell =
  (part: (accuracy: Accuracy) => string) =>
  ({ accuracy }: MeasuredRow): string =>
    accuracy === null ? 'not known' : part(accuracy);

/** `wasm x2`; peers say so. */
export function contestantText(row: Pick<Row, 'contestant' | 'threads' | 'role'>): string {
  return `${contestantName(row)}${row.role === 'peer' ? ' (peer)' : ''}`;
}

/** The peer that was closest to this row, or ahead of it. */
export function fastestPeer({ toPeers }: MeasuredRow): MeasuredRow['toPeers'][number] | undefined {
  return toPeers.toSorted((a, b) => b.ratio - a.ratio)[0];
}

/** Every column. */
export const columns: readonly Column[] = [
  { name: 'loss', hint: 'The loss', isNumber: false, cell: ({ loss }) => loss },
  { name: 'layout', hint: 'How classes lie', isNumber: false, cell: ({ layout }) => layout },
  {
    name: 'classes',
    hint: 'Number of classes',
    isNumber: true,
    cell: ({ classes }) => (classes === null ? '' : String(classes)),
  },
  { name: 'elements', hint: 'Number of logits', isNumber: true, cell: ({ elements }) => count(elements) },
  { name: 'on', hint: 'Backend of softxent, or peer', isNumber: false, cell: contestantText },
  {
    name: 'ns/element',
    hint: 'Nanoseconds for each logit, value and gradient: the median',
    isNumber: true,
    cell: ({ nsPerElement }) => short(nsPerElement.median),
  },
  {
    name: 'spread',
    hint: 'Distance of the quartiles, in parts of the median',
    isNumber: true,
    cell: ({ nsPerElement }) => percent(relativeSpread(nsPerElement)),
  },
  {
    name: 'GB/s',
    hint: 'Logits, targets and gradient over the time',
    isNumber: true,
    cell: ({ gigabytesPerSecond }) => short(gigabytesPerSecond),
  },
  {
    name: '× limit',
    hint: 'Cost over that of moving the same bytes (triad) in the same run',
    isNumber: true,
    cell: ({ toLimit }) => (toLimit === null ? '' : short(toLimit)),
  },
  {
    name: 'vs fastest peer',
    hint: 'How many times as fast as the fastest peer of the same run',
    isNumber: true,
    cell(row) {
      const peer = fastestPeer(row);
      return peer === undefined ? '' : `${short(1 / peer.ratio)}× ${peer.peer}`;
    },
  },
  {
    name: 'value ulp',
    hint: 'Worst error of a loss on confident logits, in units in the last place of float32',
    isNumber: true,
    cell: accuracyCell(({ valueUlp }) => ulp(valueUlp)),
  },
  {
    name: 'gradient ulp',
    hint: 'Worst error of a gradient on confident logits',
    isNumber: true,
    cell: accuracyCell(({ gradientUlp }) => ulp(gradientUlp)),
  },
];

/** The rows that have numbers. */
export function measured({ rows }: Report): readonly MeasuredRow[] {
  return rows.filter((row): row is MeasuredRow => row.status === 'measured');
}

/** The table for a spreadsheet: tabs between cells. */
export function asTsv(report: Report): string {
  const lines = measured(report).map((row) => columns.map(({ cell }) => cell(row)));
  return [columns.map(({ name }) => name), ...lines].map((cells) => cells.join('\t')).join('\n');
}
