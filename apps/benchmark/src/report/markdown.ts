/** The report as Markdown. */
import type { Report } from '../model.js';
import { legend, machineLine, sectionsOf, type Table } from './tables.js';

const escape = (text: string): string => text.replaceAll('|', '\\|');

function tableLines({ head, rows }: Table): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`;
  return [line(head), `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map(line)];
}

const begin = '<!-- softxent-bench: begin -->';
const end = '<!-- softxent-bench: end -->';

/**
 * The Markdown in the place that a page has for it: between the two comments that begin and end it, or in place of a page without them. So
 * that what people wrote around the tables of an earlier run stays.
 */
export function intoPage(page: string | undefined, markdown: string): string {
  const from = page?.indexOf(begin) ?? -1;
  const to = page?.indexOf(end) ?? -1;
  if (page === undefined || from < 0 || to < from) return markdown;
  return `${page.slice(0, from + begin.length)}\n\n${markdown.trimEnd()}\n\n${page.slice(to)}`;
}

const isolations: Readonly<Record<Report['settings']['isolation'], string>> = {
  processes: 'each contestant in a process of its own',
  workers: 'each contestant in a worker of its own',
  none: 'one process',
};

/** Tables, limits and reasons, below headings of the third level. */
export function reportMarkdown(report: Report): string {
  const { machine, noise, settings } = report;
  const { sections, common } = sectionsOf(report);
  const lines = [
    `${machineLine(report)}; ${isolations[settings.isolation]}, up to ${settings.rounds} interleaved rounds.`,
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
