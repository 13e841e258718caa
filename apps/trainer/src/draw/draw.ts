import type { LayerParameter, NetParameter, NetState } from '@softxent/caffe';
import { filterNet, isSource, layerTypes, upgradeNet } from '@softxent/caffe';
import { SoftxentError } from '@softxent/core';
import { escapeHtml } from '../report/html.js';
import { builtNet } from '../shapes.js';
import type { Arrow, Box } from './graph.js';
import { arrange, graphOf, stretched } from './graph.js';

const box = { width: 268, line: 17, pad: 9, gapX: 24, gapY: 44 };

type Look = 'data' | 'loss' | 'weights' | 'plain';

const style = `text { font: 12px system-ui, sans-serif; fill: #1c2430; } .name { font-weight: 600; } .small { fill: #667085; font-size: 11px; }
rect { stroke: #98a2b3; rx: 6px; } .data { fill: #dcfce7; } .loss { fill: #fee2e2; } .weights { fill: #dbeafe; } .plain { fill: #f7f8fa; }
path { fill: none; stroke: #98a2b3; stroke-width: 1.3; } .back { fill: #ffffff; stroke: none; }`;

/** What a layer's parameters say in a word: outputs, kernel, stride. */
function detail({
  type,
  convolution_param: conv,
  pooling_param: pool,
  inner_product_param: inner,
}: LayerParameter): string {
  if (type === 'Convolution' || type === 'Deconvolution') {
    const kernel =
      conv.kernel_size.length > 0 ? conv.kernel_size.join('x') : `${conv.kernel_h}x${conv.kernel_w}`;
    const stride = conv.stride.length > 0 && conv.stride[0] !== 1 ? `, stride ${conv.stride.join('x')}` : '';
    const dilation =
      conv.dilation.length > 0 && conv.dilation[0] !== 1 ? `, dilation ${conv.dilation.join('x')}` : '';
    return ` ${conv.num_output}, kernel ${kernel}${stride}${dilation}`;
  }
  if (type === 'Pooling') {
    return pool.global_pooling
      ? ` ${pool.pool}, global`
      : ` ${pool.pool} ${pool.kernel_size || `${pool.kernel_h}x${pool.kernel_w}`}, stride ${pool.stride}`;
  }
  return type === 'InnerProduct' ? ` ${inner.num_output}` : '';
}

function lookOf({ layers: [first] }: Box): Look {
  const { type } = first!;
  if (isSource(type)) return 'data';
  if (layerTypes.get(type)?.loss === true || type === 'Accuracy') return 'loss';
  return ['Convolution', 'Deconvolution', 'InnerProduct', 'Embed', 'LSTM', 'RNN'].includes(type)
    ? 'weights'
    : 'plain';
}

interface Line {
  readonly text: string;
  readonly className: string;
}

const fitted = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

function linesOf({ layers }: Box, shapes: ReadonlyMap<string, readonly number[]>): Line[] {
  const [first, ...inPlace] = layers as [LayerParameter, ...LayerParameter[]];
  return [
    { text: fitted(first.name, 28), className: 'name' },
    { text: fitted(`${first.type}${detail(first)}`, 40), className: '' },
    ...inPlace.map(({ type }) => ({ text: `+ ${type}`, className: '' })),
    ...first.top.slice(0, 4).flatMap((top) => {
      const shape = shapes.get(top);
      return shape
        ? [
            {
              text: fitted(`${first.top.length > 1 ? `${top}: ` : ''}${shape.join(' × ') || 'scalar'}`, 36),
              className: 'small',
            },
          ]
        : [];
    }),
  ];
}

interface Placed {
  /** The middle of the box. */
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly lines: readonly Line[];
}

function place(
  ranks: readonly Box[][],
  shapes: ReadonlyMap<string, readonly number[]>,
): { places: Map<Box, Placed>; width: number; height: number } {
  const places = new Map<Box, Placed>();
  const reach = Math.max(
    ...ranks.flat().map(({ x, layers }) => Math.abs(x) + (layers.length > 0 ? box.width / 2 : 0)),
  );
  const width = Math.ceil(2 * (reach + box.gapX));
  let y = box.gapY / 2;
  for (const rank of ranks) {
    const all = rank.map((each) => (each.layers.length > 0 ? linesOf(each, shapes) : []));
    const tallest = Math.max(...all.map((lines) => lines.length)) * box.line + 2 * box.pad;
    for (const [i, each] of rank.entries()) {
      const lines = all[i]!;
      const passes = each.layers.length === 0;
      const height = passes ? tallest : lines.length * box.line + 2 * box.pad;
      places.set(each, { x: width / 2 + each.x, y, height, lines });
    }
    y += tallest + box.gapY;
  }
  return { places, width, height: y - box.gapY / 2 };
}

/** From the bottom of one box to the top of the next; where an arrow passes a rank, straight through it. */
function arrowPath({ from, to }: Arrow, places: ReadonlyMap<Box, Placed>): string {
  const a = places.get(from)!;
  const b = places.get(to)!;
  const ends = to.layers.length > 0;
  const [y0, y1] = [a.y + a.height, ends ? b.y - 2 : b.y];
  const middle = (y0 + y1) / 2;
  const through = ends ? '' : `L${b.x} ${b.y + b.height}`;
  const d = `M${a.x} ${y0}C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${y1}${through}`;
  return `<path d="${d}"${ends ? ' marker-end="url(#tip)"' : ''}/>`;
}

function boxSvg(each: Box, { x: middle, y, height, lines }: Placed): string {
  const x = middle - box.width / 2;
  const text = lines
    .map(
      (line, i) =>
        `<text class="${line.className}" x="${x + box.pad}" y="${y + box.pad + (i + 0.75) * box.line}">${escapeHtml(line.text)}</text>`,
    )
    .join('');
  const title = each.layers.map(({ name, type }) => `${name} (${type})`).join(', ');
  return `<g><title>${escapeHtml(title)}</title><rect class="${lookOf(each)}" x="${x}" y="${y}" width="${box.width}" height="${height}"/>${text}</g>`;
}

/**
 * A net as an SVG picture, data at the top; layers that work in place stand in the box of the layer before them.
 * @returns the picture, how many boxes it has, and why shapes are missing where they are
 */
export async function drawNet(
  param: NetParameter,
  state: NetState,
  folder: string,
): Promise<{ svg: string; boxes: number; note?: string }> {
  const { layer } = filterNet(upgradeNet(param), state);
  const shapes = new Map<string, readonly number[]>();
  let note: string | undefined;
  try {
    for (const { name, shape } of (await builtNet(param, state, folder)).blobs) shapes.set(name, shape);
  } catch (error) {
    if (!(error instanceof SoftxentError)) throw error;
    note = error.message;
  }
  const { boxes, arrows } = graphOf(layer);
  const all = stretched(boxes, arrows);
  const widths = { box: box.width, passing: 12, gap: box.gapX };
  const { places, width, height } = place(arrange(all.boxes, all.arrows, widths), shapes);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escapeHtml(param.name || 'net')}</title><style>${style}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#98a2b3;stroke:none"/></marker></defs>
<rect class="back" width="${width}" height="${height}"/>
${all.arrows.map((arrow) => arrowPath(arrow, places)).join('\n')}
${boxes.map((each) => boxSvg(each, places.get(each)!)).join('\n')}
</svg>
`;
  return { svg, boxes: boxes.length, ...(note !== undefined && { note }) };
}
