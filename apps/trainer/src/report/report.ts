import type { SolverParameter, TestedEvent } from '@softxent/caffe';
import { printText, writeText } from '@softxent/caffe';
import { constantText, floorText } from '../lines.js';
import { short } from '../surroundings.js';
import type { Series } from './chart.js';
import { chart } from './chart.js';
import type { History } from './history.js';
import { escapeHtml } from './html.js';
import type { Samples } from './samples.js';
import type { Picture } from './picture.js';
import { dataUrl } from './picture.js';
import { style } from './style.js';

/** What a report is made of. */
export interface ReportInput {
  readonly title: string;
  readonly parameters: number;
  readonly solver: SolverParameter;
  readonly history: History;
  /** Absent where the run failed. */
  readonly samples?: Samples;
  /** Why the run ended early. */
  readonly failure?: string;
}

const row = (name: string, value: string): string =>
  `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`;

function summary({ history, parameters, solver, failure }: ReportInput): string {
  const { iterations, tests, snapshots } = history;
  const last = iterations.at(-1)!;
  const seconds = iterations.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  const ofNet = (index: number): TestedEvent[] => tests.filter(({ net }) => net === index);
  const nets = [...new Set(tests.map(({ net }) => net))];
  return `<table>${[
    row('Solver', `${solver.type}, base_lr ${short(solver.base_lr)}, ${solver.lr_policy}`),
    row('Parameters', String(parameters)),
    row('Iterations', `${iterations[0]!.iteration} to ${last.iteration}`),
    row(
      'Time in iterations',
      `${seconds.toFixed(1)} s, ${((1000 * seconds) / iterations.length).toFixed(1)} ms each`,
    ),
    row(
      'Last training loss',
      `${short(last.smoothedLoss)}${floorText(last.smoothedLoss, last.smoothedFloor)}`,
    ),
    ...nets.map((net) => {
      const all = ofNet(net);
      const end = all.at(-1)!;
      const best = all.reduce((a, b) => (b.loss < a.loss ? b : a));
      return row(
        `Test net #${net}`,
        `${short(end.loss)}${floorText(end.loss, end.floor)} at iteration ${end.iteration}; best ${short(best.loss)} at ${best.iteration}${constantText(end.constant)}`,
      );
    }),
    row('Last snapshot', snapshots.at(-1) ?? 'none'),
    ...(failure === undefined ? [] : [row('Ended early', failure)]),
  ].join('')}</table>`;
}

/** What does not change while a test net is tested on the same data: its floor and the best constant prediction. */
function steady(net: number, tests: readonly TestedEvent[], which: string): Series[] {
  const own = tests.filter((test) => test.net === net);
  const line = (name: string, className: string, of: (test: TestedEvent) => number | undefined): Series => ({
    name: `${name}${which}`,
    className,
    reference: true,
    points: own.flatMap((test) => {
      const value = of(test);
      return value === undefined || !(value > 0) ? [] : [[test.iteration, value] as const];
    }),
  });
  return [
    line('floor of the test', `s-test${net % 3} dashed`, ({ floor }) => floor),
    line('best constant prediction', 's-constant dashed', ({ constant }) => constant),
  ];
}

function lossChart({ iterations, tests }: History): string {
  const nets = [...new Set(tests.map(({ net }) => net))];
  const floors = iterations.flatMap(({ iteration, floor }) =>
    floor === undefined ? [] : [[iteration, floor] as const],
  );
  const series: Series[] = [
    {
      name: 'training loss',
      className: 's-loss',
      points: iterations.map(({ iteration, loss }) => [iteration, loss]),
    },
    {
      name: 'smoothed (average_loss)',
      className: 's-smooth',
      points: iterations.map(({ iteration, smoothedLoss }) => [iteration, smoothedLoss]),
    },
    {
      name: 'floor: entropy of the labels',
      className: 's-floor',
      points: floors.some(([, y]) => y > 0) ? floors : [],
    },
    ...nets.flatMap((net) => steady(net, tests, nets.length > 1 ? ` #${net}` : '')),
    ...nets.map((net) => ({
      name: nets.length > 1 ? `test net #${net}` : 'test loss',
      className: `s-test${net % 3}`,
      points: tests
        .filter((test) => test.net === net)
        .map(({ iteration, loss }) => [iteration, loss] as const),
      marks: true,
    })),
  ];
  return chart({ title: 'Loss', unit: 'all loss weights in', series });
}

function rateChart({ iterations }: History): string {
  return chart({
    title: 'Learning rate',
    unit: '',
    series: [
      {
        name: 'rate',
        className: 's-rate',
        points: iterations.map(({ iteration, rate }) => [iteration, rate]),
      },
    ],
  });
}

/** Small pictures are shown larger, by a whole number. */
const shownWidth = ({ width }: Picture): number => width * Math.max(1, Math.floor(128 / width));

function sampleRows({ items, caption, classes }: Samples): string {
  const image = (shown: Picture): string =>
    `<img src="${dataUrl(shown)}" width="${shownWidth(shown)}" alt="">`;
  const rows = items.map(
    ({ pictures, text }) =>
      `<div>${pictures.map((shown) => image(shown)).join('')}${text.length === 0 ? '' : `<p>${text.map(escapeHtml).join('<br>')}</p>`}</div>`,
  );
  const colour = (levels: readonly number[]): string =>
    `rgb(${levels.map((level) => Math.round(255 * level)).join(' ')})`;
  const legend = classes
    .slice(0, 40)
    .map((levels, c) => `<span class="key"><i style="color: ${colour(levels)}"></i>${c}</span>`)
    .join('');
  return `<h2>Sample predictions</h2><p>${escapeHtml(caption)}</p>${
    legend === '' ? '' : `<p class="classes">Classes: ${legend}${classes.length > 40 ? ' and more' : ''}</p>`
  }<div class="samples">${rows.join('')}</div>`;
}

/** The report as one page that needs nothing else. */
export function reportPage(input: ReportInput): string {
  const { title, history, samples, solver } = input;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}: training report</title><style>${style}</style></head><body>
<h1>${escapeHtml(title)}</h1>
${summary(input)}
${lossChart(history)}
${rateChart(history)}
${samples ? sampleRows(samples) : ''}
<details><summary>The solver</summary><pre>${escapeHtml(printText(solver))}</pre></details>
</body></html>
`;
}

/** Writes the report; the file is there whole or as it was before. @throws CaffeFileError */
export async function writeReport(file: string, input: ReportInput): Promise<void> {
  await writeText(file, reportPage(input));
}
