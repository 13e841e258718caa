/** Compares a run with an earlier one: by ratios, which a faster or slower machine does not change much. */
import { FileError } from './errors.js';
import { limitFor, sameWorkload } from './measure/ratios.js';
import { relativeSpread } from './measure/statistics.js';
import { reportVersion, type MeasuredRow, type Report, type Row, type Spread } from './model.js';
import { contestantName, percent, short, workloadTitle } from './report/format.js';

/** Something that became worse. */
export interface Regression {
  /** `wasm x2 on sigmoidCrossEntropy, flat, 1 Mi elements`. */
  readonly subject: string;
  readonly found: string;
}

/** What a comparison came to. */
export interface Comparison {
  readonly regressions: readonly Regression[];
  /** Ratios that were compared. */
  readonly compared: number;
  /** Rows of the baseline that this run did not have; nothing is said of them. */
  readonly absent: number;
  /** What limits the comparison, for people. */
  readonly notes: readonly string[];
}

// Even samples that agree with each other differ that much between runs: in where memory lies, for one.
const leastTolerance = 0.1;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSpread = (value: unknown): boolean =>
  isObject(value) && ['median', 'min', 'q1', 'q3'].every((name) => typeof value[name] === 'number');

function isRow(value: unknown): boolean {
  if (!isObject(value)) return false;
  const hasTexts = ['loss', 'layout', 'contestant', 'role'].every((name) => typeof value[name] === 'string');
  const isMeasured = value['status'] === 'measured';
  const isComplete = isMeasured
    ? isSpread(value['nsPerElement']) && Array.isArray(value['toPeers'])
    : typeof value['reason'] === 'string';
  return hasTexts && typeof value['elements'] === 'number' && isComplete;
}

/**
 * A report from the text of a file.
 *
 * @throws {FileError} where it is none, or one of another version
 */
export function parseReport(file: string, text: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FileError(file, `is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(value) || value['format'] !== 'softxent-bench') {
    throw new FileError(file, 'is no report: expected what softxent-bench --json writes');
  }
  if (value['version'] !== reportVersion) {
    throw new FileError(
      file,
      `is a report of version ${String(value['version'])}, expected ${reportVersion}: make it anew with --json`,
    );
  }
  const { rows, limits, machine } = value;
  const hasLimits =
    Array.isArray(limits) && limits.every((limit) => isObject(limit) && isSpread(limit['nsPerElement']));
  if (!Array.isArray(rows) || !rows.every(isRow) || !hasLimits || !isObject(machine)) {
    throw new FileError(file, 'is a damaged report: rows, limits or machine are not as expected');
  }
  return value as unknown as Report;
}

const sameContestant = (a: Row, b: Row): boolean =>
  a.contestant === b.contestant && a.role === b.role && a.threads === b.threads;

/** A ratio with how far it may wander by what its two parts did. */
interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly spread: number;
}

function ratiosOf(row: MeasuredRow, { rows, limits }: Report): readonly Ratio[] {
  const ratio = (name: string, value: number, over: Spread | undefined): Ratio => ({
    name,
    value,
    spread: relativeSpread(row.nsPerElement) + (over === undefined ? 0 : relativeSpread(over)),
  });
  const limit = limitFor(row, limits);
  const toLimit = row.toLimit === null ? [] : [ratio('the limit', row.toLimit, limit?.nsPerElement)];
  const toPeers = row.toPeers.map((each) => {
    const peer = rows.find(
      (other): other is MeasuredRow =>
        other.status === 'measured' &&
        other.role === 'peer' &&
        other.contestant === each.peer &&
        other.threads === each.threads &&
        sameWorkload(other, row),
    );
    return ratio(`the peer ${each.peer}`, each.ratio, peer?.nsPerElement);
  });
  return [...toLimit, ...toPeers];
}

function compareRows(
  row: Row | undefined,
  before: MeasuredRow,
  report: Report,
  baseline: Report,
): Omit<Comparison, 'notes'> {
  if (row === undefined) return { regressions: [], compared: 0, absent: 1 };
  const subject = `${contestantName(before)} on ${workloadTitle(before)}`;
  if (row.status === 'not-run') {
    const found = `ran in the baseline, and does not now: ${row.reason}`;
    return { regressions: [{ subject, found }], compared: 1, absent: 0 };
  }
  const olds = ratiosOf(before, baseline);
  const regressions: Regression[] = [];
  let compared = 0;
  for (const now of ratiosOf(row, report)) {
    const old = olds.find(({ name }) => name === now.name);
    if (old === undefined) continue;
    compared++;
    const tolerance = Math.max(leastTolerance, now.spread + old.spread);
    if (now.value <= old.value * (1 + tolerance)) continue;
    const more = percent(now.value / old.value - 1);
    regressions.push({
      subject,
      found: `cost over ${now.name} rose from ${short(old.value)} to ${short(now.value)}: ${more} more, beyond the spread of ${percent(tolerance)}`,
    });
  }
  return { regressions, compared, absent: 0 };
}

/** Holds every backend of the baseline that ran against the same row of this run. */
export function compare(report: Report, baseline: Report): Comparison {
  const measured = baseline.rows.filter(
    (row): row is MeasuredRow => row.status === 'measured' && row.role === 'backend',
  );
  const parts = measured.map((before) => {
    const row = report.rows.find((each) => sameWorkload(each, before) && sameContestant(each, before));
    return compareRows(row, before, report, baseline);
  });
  const total = (of: (part: Omit<Comparison, 'notes'>) => number): number =>
    parts.reduce((sum, part) => sum + of(part), 0);
  const { machine } = baseline;
  const notes = (['cpu', 'cores', 'runtime'] as const).flatMap((name) =>
    machine[name] === report.machine[name]
      ? []
      : [`the baseline is of another ${name}: ${machine[name]}, here ${report.machine[name]}`],
  );
  if (report.noise.warning !== null) notes.push(report.noise.warning);
  return {
    regressions: parts.flatMap(({ regressions }) => regressions),
    compared: total(({ compared }) => compared),
    absent: total(({ absent }) => absent),
    notes,
  };
}

/** The comparison for a terminal. */
export function comparisonText({ regressions, compared, absent, notes }: Comparison): string {
  const verdict =
    compared === 0
      ? 'check: nothing in common with the baseline: no workload and backend is in both'
      : regressions.length === 0
        ? `check: ${compared} ratios compared, none worse than the spread`
        : `check: ${compared} ratios compared, ${regressions.length} worse than the spread`;
  return [
    ...notes.map((note) => `check: ${note}`),
    ...(absent > 0 ? [`check: ${absent} rows of the baseline were not asked for in this run`] : []),
    ...regressions.map(({ subject, found }) => `REGRESSION ${subject}: ${found}`),
    verdict,
  ].join('\n');
}
