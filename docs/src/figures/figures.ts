/** The figures of the guides, as SVG: drawn from numbers that the library computes, for light and dark surroundings. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { digits, floors, regions, type Point } from './numbers.js';

/** Colours that are told apart by everybody (Okabe and Ito) on white and on black. */
const colours = ['#d55e00', '#0099d5', '#009e73', '#cc79a7'];

const style = `<style>
    svg { color: #1f2328; background: #ffffff; font: 13px system-ui, sans-serif; }
    @media (prefers-color-scheme: dark) { svg { color: #e6e6e6; background: #1e1e20; } }
  </style>`;

function draw(points: readonly Point[], title: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const names = [...new Set(points.map((point) => point.of))];
  const ends = names.map((name, i) => ({ name, colour: colours[i] ?? 'currentColor' }));
  const { marks = [], ...others } = options;
  const plot = Plot.plot({
    document,
    width: 640,
    height: 320,
    marginTop: 30 + 18 * names.length,
    marginLeft: 56,
    marginRight: 28,
    marginBottom: 40,
    className: 'figure',
    color: { domain: names, range: colours },
    ...others,
    marks: [
      Plot.line(points, { x: 'x', y: 'y', stroke: 'of', strokeWidth: 1.75 }),
      ...ends.map(({ name, colour }, i) =>
        Plot.text([name], {
          frameAnchor: 'top-left',
          dy: 18 * (i - names.length),
          fill: colour,
          textAnchor: 'start',
        }),
      ),
      ...marks,
    ],
  });
  plot.querySelector('style')?.remove();
  const body = plot.innerHTML;
  const attributes = `viewBox="0 0 640 320" width="640" height="320" fill="currentColor" text-anchor="middle" role="img"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>\n  <title>${title}</title>\n  ${style}\n  ${body}\n</svg>\n`;
}

/** Every figure by the name of its file. */
export function figures(): Readonly<Record<string, string>> {
  const { curves, least } = floors();
  return {
    'floor.svg': draw(
      curves.filter(({ y }) => y <= 2.5),
      'Cross-entropy of soft labels against the predicted probability',
      {
        x: { label: 'predicted probability', ticks: 10 },
        y: { label: 'loss, nats', domain: [0, 2.5] },
        marks: [
          Plot.dot(least, { x: 'x', y: 'y', fill: 'of', r: 4 }),
          Plot.text(least, {
            x: 'x',
            y: 'y',
            dy: 14,
            text: ({ y }: Point) => `floor ${y.toFixed(3)}`,
            fill: 'currentColor',
          }),
        ],
      },
    ),
    'digits.svg': draw(digits(), 'Errors of two forms of sigmoid cross-entropy in float32, target 0.999999', {
      x: { label: 'logit', type: 'log', ticks: 5, tickFormat: (x: number) => String(x) },
      y: {
        label: 'error, ulp',
        type: 'log',
        domain: [0.1, 1e7],
        ticks: 8,
        tickFormat: (y: number) => y.toExponential(0),
      },
    }),
    'dice.svg': draw(regions(), 'Dice and its semimetric on a region whose targets are all 0.6', {
      x: { label: 'predicted probability', ticks: 10 },
      y: { label: 'loss', domain: [0, 1] },
      marks: [Plot.ruleX([0.6], { stroke: 'currentColor', strokeDasharray: '4 4' })],
    }),
  };
}
