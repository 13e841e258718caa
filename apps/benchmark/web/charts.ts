/** What all charts of the page have in common. */
import * as Plot from '@observablehq/plot';
import { h, onFrame } from './dom.js';

/** An entry of a legend: a colour (a CSS value) and what it stands for, or words alone. */
export interface LegendEntry {
  readonly name: string;
  readonly colour?: string;
  readonly kind?: 'line' | 'dashed' | 'area';
}

/** A chart in the page: redrawn when asked to, and when its width changes. */
export interface Chart {
  readonly element: HTMLElement;
  redraw(): void;
}

/** Options of a plot, without those that the page decides. */
export type PlotOptions = Omit<Plot.PlotOptions, 'width' | 'document' | 'className'>;

/**
 * A figure with a caption, a plot and a legend.
 *
 * @param draw the plot at a width in CSS pixels, or nothing to draw yet
 * @param legend entries below the plot
 */
export function chart(
  caption: string,
  draw: (width: number) => PlotOptions | undefined,
  legend: () => readonly LegendEntry[] = () => [],
): Chart {
  const canvas = h('div', { class: 'plot' });
  const list = h('ul', { class: 'legend' });
  const element = h('figure', { class: 'chart' }, h('figcaption', {}, caption), canvas, list);
  let drawn = 0;
  const render = (): void => {
    const width = Math.floor(canvas.clientWidth);
    // A chart in a view that is not shown has no width yet.
    if (width === 0) return;
    drawn = width;
    const options = draw(width);
    if (options === undefined) return canvas.replaceChildren();
    const svg = Plot.plot({ ...options, width, style: { fontSize: '12px', background: 'none' } });
    // A picture with one name: the names of its marks are of no use to a listener.
    for (const mark of svg.querySelectorAll<SVGElement>('g[aria-label]')) {
      mark.dataset['mark'] = mark.getAttribute('aria-label') ?? '';
      mark.removeAttribute('aria-label');
    }
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', options.ariaLabel ?? caption);
    canvas.replaceChildren(svg);
    list.replaceChildren(...legend().map(legendItem));
  };
  const redraw = onFrame(render);
  new ResizeObserver(() => {
    if (Math.floor(canvas.clientWidth) !== drawn) redraw();
  }).observe(canvas);
  return { element, redraw };
}

function legendItem({ name, colour, kind = 'line' }: LegendEntry): HTMLElement {
  if (colour === undefined) return h('li', {}, name);
  const swatch = h('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' });
  swatch.style.setProperty('--swatch', colour);
  return h('li', {}, swatch, name);
}
