/** Distributions over classes, as colours and words. */
import type { Blob, NetLayer } from '@softxent/caffe';
import { has } from '@softxent/caffe';

/** The classes of a batch: N items of `classes` by `inner` places. */
export interface ClassRows {
  readonly classes: number;
  readonly inner: number;
  /** Labels are distributions, not the numbers of classes. */
  readonly soft: boolean;
  /** The probabilities that the label of a place gives; undefined where it is ignored. */
  label(item: number, place: number): readonly number[] | undefined;
  /** The probabilities that the net gives a place. */
  prediction(item: number, place: number): readonly number[];
}

/** Classes on axis 1 of the logits; labels of the logits' shape, or one for every place. */
export function classRows(layer: NetLayer, logits: Blob, labels: Blob): ClassRows {
  const [, classes = 1, height = 1, width = 1] = logits.shape;
  const inner = height * width;
  const soft = labels.shape.join() === logits.shape.join() && classes !== 1;
  const { loss_param: param } = layer.param;
  const ignore = has(param, 'ignore_label') ? param.ignore_label : undefined;
  const column = ({ data }: Blob, item: number, place: number): number[] =>
    Array.from({ length: classes }, (_, c) => data[(item * classes + c) * inner + place]!);
  return {
    classes,
    inner,
    soft,
    label(item, place) {
      if (soft) {
        const row = column(labels, item, place);
        return row.every((t) => t === ignore) ? undefined : row;
      }
      const label = Math.trunc(labels.data[item * inner + place]!);
      return label === ignore ? undefined : Array.from({ length: classes }, (_, c) => (c === label ? 1 : 0));
    },
    prediction(item, place) {
      const row = column(logits, item, place);
      const most = Math.max(...row);
      const exps = row.map((x) => Math.exp(x - most));
      const sum = exps.reduce((a, b) => a + b, 0);
      return exps.map((e) => e / sum);
    },
  };
}

/** The colour of a class: the first is dark, the others go round the hues by the golden angle, so that neighbours differ. */
export function colourOf(index: number): readonly number[] {
  if (index === 0) return [0.12, 0.13, 0.16];
  const hue = ((index - 1) * 137.508 + 30) % 360;
  const [saturation, lightness] = [0.75, 0.58];
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12;
    const a = saturation * Math.min(lightness, 1 - lightness);
    return lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [part(0), part(8), part(4)];
}

const GREY = [0.5, 0.5, 0.5];

/** Levels of a picture, asked for channel by channel; the colour of a pixel is made once. */
function levels(colour: (pixel: number) => readonly number[]): (pixel: number, channel: number) => number {
  let last = -1;
  let now: readonly number[] = GREY;
  return (pixel, channel) => {
    if (pixel !== last) {
      now = colour(pixel);
      last = pixel;
    }
    return now[channel]!;
  };
}

/** The classes' colours, mixed by their probabilities. */
export function mixed(
  rows: ClassRows,
  item: number,
  what: 'label' | 'prediction',
): (pixel: number, channel: number) => number {
  const colours = Array.from({ length: rows.classes }, (_, c) => colourOf(c));
  return levels((place) => {
    const row = rows[what](item, place);
    if (!row) return GREY;
    return [0, 1, 2].map((k) => row.reduce((sum, p, c) => sum + p * colours[c]![k]!, 0));
  });
}

const argmax = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/** The colour of the class that the net holds most likely. */
export const mostLikely = (rows: ClassRows, item: number): ((pixel: number, channel: number) => number) =>
  levels((place) => colourOf(argmax(rows.prediction(item, place))));

/** The classes that matter in a distribution, the most likely first. */
function words(row: readonly number[]): string {
  const sorted = row.map((p, c) => ({ p, c })).toSorted((a, b) => b.p - a.p);
  const shown = sorted.filter(({ p }, i) => i === 0 || p >= 0.005).slice(0, 5);
  return shown.map(({ p, c }) => `class ${c} (${p.toFixed(3)})`).join(', ');
}

/** An item's label and prediction in words. */
export function classesText(rows: ClassRows, item: number): string[] {
  const label = rows.label(item, 0);
  const known = label === undefined ? 'ignored' : rows.soft ? words(label) : `class ${argmax(label)}`;
  return [`label ${known}`, `prediction ${words(rows.prediction(item, 0))}`];
}
