/** The report as Markdown. */
import type { Report } from '../model.js';
import { legend, machineLine, sectionsOf, type Table } from './tables.js';

const escape = (text: string): string => text.replaceAll('|', '\\|');

function tableLines({ head, rows }: Table): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`;
  return [line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map(line)];
}

/** Tables, limits and reasons, below headings of the third level. */
export function reportMarkdown(report: Report): string {
  const { machine, noise, settings } = report;
  const { sections, common } = sectionsOf(report);
  const isolation =
    settings.isolation === 'processes' ? 'each contestant in a process of its own' : 'one process';
  const lines = [
    `${machineLine(report)}; ${isolation}, up to ${settings.rounds} interleaved rounds.`,
    '',
    '```sh',
    machine.command,
    '```',
    ...(noise.warning === null ? [] : ['', `**Warning:** ${noise.warning}`]),
    ...sections.flatMap(({ title, limits, table, notes }) => [
      '',
      `### ${title}`,
      '',
      `Limit: ${limits}.`,
      ...(table.rows.length === 0 ? [] : ['', ...tableLines(table)]),
      ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]),
    ]),
    '',
    ...[...common, ...legend].map((each) => `- ${each}`),
    '',
  ];
  return lines.join('\n');
}
