/** What a run has found, growing as it goes: a sentence, charts, a table, and the ways out. */
import type { Report, Row } from '../../src/model.js';
import { short, workloadTitle } from '../../src/report/format.js';
import { reportMarkdown } from '../../src/report/markdown.js';
import { h } from '../dom.js';
import { costChart, errorChart, rowsOf, scalingChart, type Shown } from './charts.js';
import { asTsv, columns, contestantText, fastestPeer, measured } from './columns.js';
import { copyText, saveFile } from './save.js';

/** The results in the page. */
export interface Results {
  readonly element: HTMLElement;
  show(report: Report): void;
}

/** Who is fastest on the picked workload, how far from the limit, and how far from the peers. */
function verdictOf(shown: Shown): string {
  const ours = rowsOf(shown).find(({ role }) => role === 'backend');
  if (ours === undefined) return '';
  const parts = [
    `${contestantText(ours)} is the fastest backend: ${short(ours.nsPerElement.median)} ns a logit`,
  ];
  if (ours.toLimit !== null) parts.push(`${short(ours.toLimit)} times what moving the bytes takes`);
  const peer = fastestPeer(ours);
  if (peer !== undefined) {
    const times = short(Math.max(peer.ratio, 1 / peer.ratio));
    parts.push(`${times} times as ${peer.ratio <= 1 ? 'fast' : 'slow'} as the fastest peer, ${peer.peer}`);
  }
  return `${parts.join(', ')}.`;
}

/** With a capital and a full stop. */
const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;

function tableOf(report: Report): HTMLElement {
  const head = columns.map(({ name, hint, isNumber }) =>
    h('th', { scope: 'col', title: hint, class: isNumber && 'numeric' }, name),
  );
  const rows = measured(report).map((row) =>
    h(
      'tr',
      { class: row.role },
      ...columns.map(({ cell, isNumber }) => h('td', { class: isNumber && 'numeric' }, cell(row))),
    ),
  );
  return h(
    'table',
    { class: 'results-table' },
    h('caption', { class: 'visually-hidden' }, 'Results: a row for each workload and contestant'),
    h('thead', {}, h('tr', {}, ...head)),
    h('tbody', {}, ...rows),
  );
}

/** The columns' meaning, for those who cannot point at them. */
function meanings(): HTMLElement {
  const entries = columns.map(({ name, hint }) => h('div', {}, h('dt', {}, name), h('dd', {}, hint)));
  return h(
    'details',
    { class: 'meanings' },
    h('summary', {}, 'What the columns say'),
    h('dl', {}, ...entries),
  );
}

/** What could not run, each reason once; with the workloads, where it is not all of them. */
function notRun({ rows }: Report): readonly HTMLElement[] {
  const workloads = new Set(rows.map(workloadTitle)).size;
  const byReason = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.status !== 'not-run') continue;
    const key = `${contestantText(row)}\n${row.reason}`;
    byReason.set(key, [...(byReason.get(key) ?? []), row]);
  }
  return [...byReason].map(([key, of]) => {
    const [name = '', ...reason] = key.split('\n');
    const which = [...new Set(of.map(workloadTitle))];
    const where = which.length < workloads && h('span', { class: 'which' }, ` (${which.join('; ')})`);
    return h('li', {}, h('strong', {}, name), `: ${reason.join(' ')}`, where);
  });
}

interface Outlet {
  readonly buttons: HTMLElement;
  readonly fallback: HTMLElement;
}

/** Buttons that copy and save; where copying is forbidden, the text to be copied by hand. */
function outlets(report: () => Report | undefined): Outlet {
  const said = h('p', { class: 'note', role: 'status' });
  const text = h('textarea', { readonly: true, rows: 6, hidden: true, 'aria-label': 'The table as text' });
  const copy = async (make: (report: Report) => string): Promise<void> => {
    const now = report();
    if (now === undefined) return;
    const made = make(now);
    const isCopied = await copyText(made);
    text.hidden = isCopied;
    said.textContent = isCopied
      ? 'Copied.'
      : 'The browser does not let this page copy: take the text from here.';
    if (isCopied) return;
    text.value = made;
    text.focus();
    text.select();
  };
  const save = (): void => {
    const now = report();
    if (now === undefined) return;
    const stamp = now.machine.date.slice(0, 19).replace(/[:T]/g, '-');
    saveFile(`softxent-bench-${stamp}.json`, `${JSON.stringify(now, null, 2)}\n`, 'application/json');
    said.textContent = 'Saved.';
  };
  const button = (name: string, id: string, onclick: () => void): HTMLElement =>
    h('button', { type: 'button', class: 'button', id, onclick }, name);
  return {
    buttons: h(
      'div',
      { class: 'buttons' },
      button('Copy for a spreadsheet', 'copy-tsv', () => void copy(asTsv)),
      button('Copy as Markdown', 'copy-markdown', () => void copy(reportMarkdown)),
      button('Save as JSON', 'save-json', save),
    ),
    fallback: h('div', {}, said, text),
  };
}

/** Builds the results, hidden until there are some. */
export function makeResults(): Results {
  let shown: Shown | undefined;
  let isPicked = false;
  const get = (): Shown | undefined => shown;
  const [cost, scaling, errors] = [costChart(get), scalingChart(get), errorChart(get)];
  const picker = h('select', { id: 'bench-workload' });
  const verdict = h('p', { class: 'verdict' });
  const noise = h('p', { class: 'notice', hidden: true });
  const place = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of results' });
  const reasons = h('ul', { class: 'reasons' });
  const reasonsCard = h(
    'section',
    { class: 'card', 'aria-labelledby': 'bench-reasons', hidden: true },
    h('h2', { id: 'bench-reasons' }, 'What could not run, and why'),
    reasons,
  );
  const { buttons, fallback } = outlets(() => shown?.report);

  const redraw = (): void => {
    if (shown === undefined) return;
    verdict.textContent = verdictOf(shown);
    const ofLoss = measured(shown.report).find((row) => workloadTitle(row) === shown?.workload);
    const sizes = new Set(
      measured(shown.report)
        .filter(({ loss, layout }) => loss === ofLoss?.loss && layout === ofLoss.layout)
        .map(({ elements }) => elements),
    );
    scaling.element.hidden = sizes.size < 2;
    for (const each of [cost, scaling, errors]) each.redraw();
  };
  picker.addEventListener('change', () => {
    if (shown === undefined) return;
    isPicked = true;
    shown = { ...shown, workload: picker.value };
    redraw();
  });

  const element = h(
    'div',
    { class: 'results', hidden: true },
    noise,
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'bench-results' },
      h('h2', { id: 'bench-results' }, 'Results'),
      h('div', { class: 'field-row' }, h('label', { for: 'bench-workload' }, 'Workload'), picker),
      verdict,
      h('div', { class: 'chart-grid' }, cost.element, errors.element),
      scaling.element,
    ),
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'bench-table' },
      h('h2', { id: 'bench-table' }, 'Everything measured'),
      place,
      buttons,
      fallback,
      meanings(),
    ),
    reasonsCard,
  );

  return {
    element,
    show(report) {
      element.hidden = false;
      const names = [...new Set(measured(report).map(workloadTitle))];
      // The newest, until one is picked by hand.
      const picked =
        isPicked && shown !== undefined && names.includes(shown.workload) ? shown.workload : undefined;
      const workload = picked ?? names.at(-1) ?? '';
      if (picked === undefined) isPicked = false;
      shown = { report, workload };
      picker.replaceChildren(...names.map((name) => h('option', { value: name }, name)));
      picker.value = workload;
      place.replaceChildren(tableOf(report));
      const items = notRun(report);
      reasons.replaceChildren(...items);
      reasonsCard.hidden = items.length === 0;
      noise.hidden = report.noise.warning === null;
      noise.textContent = sentence(report.noise.warning ?? '');
      redraw();
    },
  };
}
