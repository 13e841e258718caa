/** The report as tables of text: what the terminal, Markdown and the page show. */
import { sameWorkload } from '../measure/ratios.js';
import { relativeSpread } from '../measure/statistics.js';
import type { Limit, MeasuredRow, NotRunRow, Report, Row } from '../model.js';
import { bytes, contestantName, meanError, percent, short, ulp, workloadTitle } from './format.js';

/** A table: the first column names, the others are numbers. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** One workload: who computed it how fast, and who did not. */
export interface Section {
  readonly title: string;
  /** What the memory allows at this size. */
  readonly limits: string;
  readonly table: Table;
  /** `not run: webgpu: no adapter`. */
  readonly notes: readonly string[];
}

/** The report by workload. */
export interface Sections {
  readonly sections: readonly Section[];
  /** Notes that hold for every one of several workloads, and so are told once: what does not open here. */
  readonly common: readonly string[];
}

const peersFirst = (row: Row): number => (row.role === 'peer' ? 1 : 0);

/** `triad 0.42 ns, 28.2 GB/s on 1 thread; 0.21 ns, 57.1 GB/s on 2 threads`. */
function limitsText(limits: readonly Limit[]): string {
  const kernels = [...new Set(limits.map(({ kernel }) => kernel))];
  const texts = kernels.map((kernel) => {
    const costs = limits
      .filter((limit) => limit.kernel === kernel)
      .map(({ device, threads, nsPerElement, gigabytesPerSecond }) => {
        const where = device === 'gpu' ? 'the GPU' : threads === 1 ? '1 thread' : `${threads} threads`;
        return `${short(nsPerElement.median)} ns, ${short(gigabytesPerSecond)} GB/s on ${where}`;
      });
    return `${kernel} ${costs.join('; ')}`;
  });
  return texts.length === 0 ? 'the limit of memory could not be measured' : texts.join('. ');
}

function tableOf(rows: readonly MeasuredRow[]): Table {
  const peers = [...new Set(rows.flatMap(({ toPeers }) => toPeers.map(({ peer }) => peer)))];
  const head = [
    'contestant',
    'ns/element',
    'spread',
    'GB/s',
    'x limit',
    ...peers.map((peer) => `vs ${peer}`),
    'memory',
    'value ulp',
    'gradient ulp',
    'mean error',
  ];
  const cells = rows.map((row) => {
    const { accuracy, toPeers } = row;
    const times = (name: string): string => {
      const found = toPeers.find(({ peer }) => peer === name);
      return found === undefined ? '-' : `${short(1 / found.ratio)}x`;
    };
    return [
      nameOf(row),
      short(row.nsPerElement.median),
      percent(relativeSpread(row.nsPerElement)),
      short(row.gigabytesPerSecond),
      row.toLimit === null ? '-' : short(row.toLimit),
      ...peers.map(times),
      bytes(row.peakMemoryBytes),
      accuracy === null ? '-' : ulp(accuracy.valueUlp),
      accuracy === null ? '-' : ulp(accuracy.gradientUlp),
      meanError(accuracy),
    ];
  });
  return { head, rows: cells };
}

const nameOf = (row: Row): string => `${contestantName(row)}${row.role === 'peer' ? ' (peer)' : ''}`;

/** Takes the report apart by workload. */
export function sectionsOf({ rows, limits }: Pick<Report, 'rows' | 'limits'>): Sections {
  const firsts = rows.filter((row, i) => rows.findIndex((other) => sameWorkload(other, row)) === i);
  const all = firsts.map((first) => {
    const same = rows
      .filter((row) => sameWorkload(row, first))
      .toSorted((a, b) => peersFirst(a) - peersFirst(b));
    const ran = same.filter((row): row is MeasuredRow => row.status === 'measured');
    const missing = same.filter((row): row is NotRunRow => row.status === 'not-run');
    return {
      title: workloadTitle(first),
      limits: limitsText(limits.filter((limit) => sameWorkload(limit, first))),
      table: tableOf(ran),
      notes: [
        ...missing.map((row) => `not run: ${nameOf(row)}: ${row.reason}`),
        ...ran.flatMap((row) => (row.accuracyNote === null ? [] : [`${nameOf(row)}: ${row.accuracyNote}`])),
      ],
    };
  });
  const [one, ...others] = all;
  const isCommon = (note: string): boolean => others.every(({ notes }) => notes.includes(note));
  const common = one === undefined || others.length === 0 ? [] : one.notes.filter(isCommon);
  const own = (notes: readonly string[]): readonly string[] => notes.filter((note) => !common.includes(note));
  return { sections: all.map((section) => ({ ...section, notes: own(section.notes) })), common };
}

/** Columns: names to the left, numbers to the right. */
export function alignedLines({ head, rows }: Table): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** What the numbers mean, in one place for all forms of the report. */
export const legend: readonly string[] = [
  'ns/element: median time of value and gradient for each logit. spread: between quartiles, over the median.',
  'GB/s: logits, targets and gradient (12 bytes an element) over that time. x limit: over the cost of a triad on as many threads.',
  'vs PEER: how many times faster than the peer, which ran in the same rounds with as many threads (or as many as it has).',
  'memory: peak of its process beyond the idle one, operands included.',
  'ulp: worst float32 error of a single value and gradient on confident logits. mean error: relative, of the timed call.',
];

/** `Intel Xeon, 2 cores, node v20.20.2, linux x64, 2026-11-23`. */
export function machineLine({ machine }: Report): string {
  const { cpu, cores, runtime, platform, date, gpu } = machine;
  const parts = [cpu, `${cores} core${cores === 1 ? '' : 's'}`, runtime, platform, gpu, date.slice(0, 10)];
  return parts.filter((part) => part !== null).join(', ');
}

/** The whole report for a terminal. */
export function reportText(report: Report): string {
  const { sections, common } = sectionsOf(report);
  const texts = sections.map(({ title, limits, table, notes }) =>
    [
      title,
      `  limit: ${limits}`,
      ...(table.rows.length === 0 ? [] : alignedLines(table).map((line) => `  ${line}`)),
      ...notes.map((note) => `  ${note}`),
    ].join('\n'),
  );
  const { warning } = report.noise;
  return [
    machineLine(report),
    ...texts,
    ...(common.length === 0 ? [] : [common.join('\n')]),
    legend.join('\n'),
    ...(warning === null ? [] : [`warning: ${warning}`]),
  ].join('\n\n');
}
