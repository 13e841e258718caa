/** The report as one page that needs nothing else. */
import type { Report } from '../model.js';
import { legend, machineLine, sectionsOf, type Section, type Table } from './tables.js';
import { plotHtml } from './plots.js';
import { chartsOf } from './series.js';

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const style = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 80rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
  code, td, th { font-variant-numeric: tabular-nums; } pre { overflow-x: auto; }
  .warning { border-left: .3rem solid #d90; padding: .4rem .8rem; background: #d901; }
  .table { overflow-x: auto; } table { border-collapse: collapse; white-space: nowrap; font-size: .85rem; }
  th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid #8884; }
  th:first-child, td:first-child { text-align: left; font-weight: 600; }
  thead th { border-bottom-width: 2px; font-weight: 600; }
  .limits, .legend, .notes { opacity: .8; font-size: .9rem; }
  figure { margin: 0 0 1rem; } figure svg { max-width: 100%; height: auto; }
  .charts { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); }`;

function tableHtml({ head, rows }: Table): string {
  const cells = (tag: 'td' | 'th', row: readonly string[]): string =>
    `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="table" tabindex="0"><table><thead>${cells('th', head)}</thead><tbody>${rows
    .map((row) => cells('td', row))
    .join('\n')}</tbody></table></div>`;
}

const listItems = (texts: readonly string[]): string =>
  texts.map((text) => `<li>${escape(text)}</li>`).join('\n');

function sectionHtml({ title, limits, table, notes }: Section): string {
  const items = listItems(notes);
  return `<section><h2>${escape(title)}</h2>
<p class="limits">Limit: ${escape(limits)}.</p>
${table.rows.length === 0 ? '' : tableHtml(table)}
${items === '' ? '' : `<ul class="notes">${items}</ul>`}</section>`;
}

/** A page with plots of what was scaled, and all tables. */
export function reportHtml(report: Report): string {
  const { machine, noise } = report;
  const { sections, common } = sectionsOf(report);
  const drawn = chartsOf(report);
  const names = [...new Set(drawn.flatMap(({ series }) => series.map(({ name }) => name)))];
  const charts = drawn.map(
    (chart) => `<section><h2>${escape(chart.title)}</h2>${plotHtml(chart, names)}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>softxent benchmark, ${escape(machine.date.slice(0, 10))}</title>
<style>${style}
</style>
</head>
<body>
<h1>softxent benchmark</h1>
<p>${escape(machineLine(report))}</p>
<pre><code>${escape(machine.command)}</code></pre>
${noise.warning === null ? '' : `<p class="warning">${escape(noise.warning)}</p>`}
${charts.length === 0 ? '' : `<div class="charts">${charts.join('\n')}</div>`}
${sections.map(sectionHtml).join('\n')}
<ul class="legend">${listItems([...common, ...legend])}</ul>
</body>
</html>
`;
}
