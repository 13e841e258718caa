/** The report in words: a table for people, JSON for programs. */
import { accuracyOf } from '@softxent/core';
import type { CheckResult, ConformanceReport } from './run.js';

interface Line {
  readonly capability: string;
  readonly result: string;
  readonly checks: string;
  readonly value: string;
  readonly gradient: string;
}

const show = (ulp: number | undefined): string => {
  if (ulp === undefined) return '';
  if (!Number.isFinite(ulp)) return 'special';
  return ulp >= 1e4 ? ulp.toExponential(1) : ulp.toFixed(2);
};

function worst(checks: readonly CheckResult[], of: 'value' | 'gradient'): number | undefined {
  const found = checks.map((check) => check[of]).filter((ulp) => ulp !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}

function lineOf(capability: string, checks: readonly CheckResult[]): Line {
  const of = (status: string): number => checks.filter((check) => check.status === status).length;
  const [held, broken, unsupported] = [of('held'), of('broken'), of('unsupported')];
  const result =
    broken > 0 ? 'BROKEN' : held === 0 ? 'unsupported' : unsupported > 0 ? 'held in part' : 'held';
  const parts = [
    held > 0 ? `${held} held` : '',
    broken > 0 ? `${broken} broken` : '',
    unsupported > 0 ? `${unsupported} unsupported` : '',
  ];
  return {
    capability,
    result,
    checks: parts.filter((part) => part !== '').join(', '),
    value: show(worst(checks, 'value')),
    gradient: show(worst(checks, 'gradient')),
  };
}

function table(lines: readonly Line[]): string {
  const heads: Line = {
    capability: 'capability',
    result: 'result',
    checks: 'checks',
    value: 'value, ulp',
    gradient: 'gradient, ulp',
  };
  const columns = ['capability', 'result', 'checks', 'value', 'gradient'] as const;
  const widths = columns.map((column) => Math.max(...[heads, ...lines].map((line) => line[column].length)));
  const row = (line: Line): string =>
    columns
      .map((column, i) =>
        i < 3 ? line[column].padEnd(widths[i] as number) : line[column].padStart(widths[i] as number),
      )
      .join('  ')
      .trimEnd();
  return [row(heads), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.map(row)].join('\n');
}

function declared({ accuracy, capabilities }: ConformanceReport): string {
  const ulps = (of: Readonly<Partial<Record<string, number>>>): string =>
    Object.entries(of)
      .map(([precision, ulp]) => `${precision} ${ulp} ulp`)
      .join(', ');
  const kinds = Object.keys(accuracy.kinds ?? {}).map((kind) => {
    const { value, gradient } = accuracyOf(accuracy, kind);
    return `          ${kind}: values ${ulps(value)}; gradients ${ulps(gradient)}`;
  });
  return [
    `declared  values ${ulps(accuracy.value)}; gradients ${ulps(accuracy.gradient)}; sums ${accuracy.sum}; ` +
      `subnormals ${accuracy.subnormals}`,
    ...kinds,
    `          predictions ${capabilities.predictions.join(', ')}; targets ${capabilities.targets.join(', ')}; ` +
      `weights ${capabilities.weights.join(', ')}; ${capabilities.deterministic ? 'deterministic' : 'not deterministic'}`,
  ].join('\n');
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

/**
 * The report as a table: capability, result, worst errors in ulp of the largest term; then every broken promise with
 * loss, operands, index, expected and got; then what is unsupported.
 */
export function formatReport(report: ConformanceReport): string {
  const capabilities = [...new Set(report.checks.map((check) => check.capability))];
  const lines = capabilities.map((capability) =>
    lineOf(
      capability,
      report.checks.filter((check) => check.capability === capability),
    ),
  );
  const broken = report.checks.filter((check) => check.status === 'broken');
  const unsupported = new Set(
    report.checks
      .filter((check) => check.status === 'unsupported')
      .map((check) => check.message ?? check.name),
  );
  const summary =
    `${report.held} held, ${report.broken} broken, ${report.unsupported} unsupported` +
    (report.checks.length === 0 ? ': nothing was checked' : '');
  return [
    ...(report.loss === undefined ? [] : [`loss      ${report.loss}`]),
    `backend   ${report.backend}: ${report.description}`,
    declared(report),
    `seed      ${report.seed}${report.quick ? ', quick checks only' : ''}`,
    '',
    table(lines),
    ...broken.flatMap((check) => ['', `BROKEN ${check.name}`, indent(check.message ?? '')]),
    ...(unsupported.size === 0
      ? []
      : ['', 'unsupported', ...[...unsupported].map((message) => `    ${message}`)]),
    '',
    summary,
  ].join('\n');
}

/** The report as JSON text; infinite errors are the string `Infinity`. */
export function reportToJson(report: ConformanceReport): string {
  return JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
    2,
  );
}
