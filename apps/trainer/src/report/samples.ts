/** What a net says of some items, beside what their labels say. */
import type { Blob, DataNet, Net, NetLayer, Trainer } from '@softxent/caffe';
import { isSource } from '@softxent/caffe';
import { SoftxentError } from '@softxent/core';
import { classRows, classesText, colourOf, mixed, mostLikely } from './classes.js';
import type { Picture } from './picture.js';
import { picture } from './picture.js';

/** How many items a report shows. */
const SHOWN = 6;

/** How many channels of probabilities are shown for an item. */
const CHANNELS = 3;

/** One item: its image where there is one, its label and the prediction, as pictures or in words. */
export interface Sample {
  readonly pictures: readonly Picture[];
  readonly text: readonly string[];
}

/** What a report shows of the predictions. */
export interface Samples {
  /** What the pictures of an item are, from left to right; or why nothing is shown. */
  readonly caption: string;
  readonly items: readonly Sample[];
  /** The colours of classes, as red, green, blue from 0 to 1. */
  readonly classes: readonly (readonly number[])[];
  /** Why there are no pictures of predictions; undefined where there are. */
  readonly noPictures?: string;
}

const none = (reason: string): Samples => ({
  caption: `None: ${reason}.`,
  items: [],
  classes: [],
  noPictures: reason,
});

/** Item `n` of a blob of images, blue first, stretched to all levels: what was subtracted from its pixels is not known here. */
function imageOf({ shape, data }: Blob, n: number): Picture {
  const [, channels, height, width] = shape as [number, 1 | 3, number, number];
  const plane = height * width;
  const item = data.subarray(n * channels * plane, (n + 1) * channels * plane);
  let low = Infinity;
  let high = -Infinity;
  for (const value of item) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = high - low || 1;
  return picture(width, height, channels, (i, c) => (item[(channels - 1 - c) * plane + i]! - low) / range);
}

/** The names of the fed blobs that a blob is made of. */
function sourcesOf({ layers, blobs }: Net, id: number): Set<string> {
  const wanted = new Set([id]);
  const fed = new Set<string>();
  for (const { type, tops, bottoms } of layers.toReversed()) {
    const made = tops.filter((top) => wanted.has(top));
    if (made.length === 0) continue;
    if (isSource(type)) for (const top of made) fed.add(blobs[top]!.name);
    for (const bottom of bottoms) wanted.add(bottom);
  }
  return fed;
}

/** Batches of one loss, and the images behind its logits where there are some. */
interface Seen {
  readonly layer: NetLayer;
  readonly logits: Blob;
  readonly labels: Blob;
  readonly images: Blob | undefined;
}

async function look(data: DataNet, layer: NetLayer): Promise<Seen> {
  const { net, engine } = data;
  const [logitsId, labelsId] = layer.bottoms as [number, number];
  const nameOf = (id: number): string => net.blobs[id]!.name;
  const feeds = (await data.next()) as Readonly<Record<string, Blob>>;
  const { blobs } = await engine.forward(feeds, { blobs: [nameOf(logitsId), nameOf(labelsId)] });
  const logits = blobs.get(nameOf(logitsId))!;
  const sources = sourcesOf(net, logitsId);
  const images = Object.entries(feeds).find(
    ([name, { shape }]) =>
      sources.has(name) && shape.length === 4 && shape[0] === logits.shape[0] && [1, 3].includes(shape[1]!),
  )?.[1];
  return { layer, logits, labels: blobs.get(nameOf(labelsId))!, images };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Whether an item's prediction is one or more maps: N x C x H x W with a plane of more than one pixel. */
const isMap = ({ shape }: Blob): boolean => shape.length === 4 && shape[2]! * shape[3]! > 1;

function items({ logits, images }: Seen, make: (n: number) => Sample): Sample[] {
  return Array.from({ length: Math.min(SHOWN, logits.shape[0] ?? 1) }, (_, n) => {
    const { pictures, text } = make(n);
    return { pictures: [...(images ? [imageOf(images, n)] : []), ...pictures], text };
  });
}

/** Probabilities of one kind each: a picture of the label and one of the prediction for every channel, or numbers. */
function ofSigmoid(seen: Seen): Samples {
  const { logits, labels, layer, images } = seen;
  const [, channels = 1, height = 1, width = 1] = logits.shape;
  const plane = height * width;
  const first = images ? 'Image, ' : '';
  if (!isMap(logits)) {
    const size = logits.data.length / (logits.shape[0] ?? 1);
    const shown = Math.min(size, 10);
    const list = (of: (i: number) => number): string =>
      Array.from({ length: shown }, (_, i) => of(i).toFixed(3)).join(', ');
    return {
      caption: `${images ? 'Image, ' : ''}${shown < size ? `the first ${shown} of ${size} probabilities` : 'probabilities'}: sigmoid of the logits of '${layer.name}'.`,
      classes: [],
      noPictures: `the predictions of '${layer.name}' are ${size} number${size === 1 ? '' : 's'} an item, not maps`,
      items: items(seen, (n) => ({
        pictures: [],
        text: [
          `label ${list((i) => labels.data[n * size + i]!)}`,
          `prediction ${list((i) => sigmoid(logits.data[n * size + i]!))}`,
        ],
      })),
    };
  }
  const shown = Math.min(channels, CHANNELS);
  const which =
    channels === 1
      ? ''
      : ` of channel ${Array.from({ length: shown }, (_, c) => c).join(', ')} of ${channels}`;
  return {
    caption: `${first}soft label, prediction${which}: sigmoid of the logits of '${layer.name}', black is 0, white is 1.`,
    classes: [],
    items: items(seen, (n) => ({
      text: [],
      pictures: Array.from({ length: shown }, (_, c) => (n * channels + c) * plane).flatMap((start) => [
        picture(width, height, 1, (i) => labels.data[start + i]!),
        picture(width, height, 1, (i) => sigmoid(logits.data[start + i]!)),
      ]),
    })),
  };
}

/** One class of several: maps in the classes' colours, or the classes in words. */
function ofSoftmax(seen: Seen): Samples {
  const { logits, labels, layer, images } = seen;
  const { axis: given } = layer.param.softmax_param;
  const { shape } = logits;
  const axis = given < 0 ? given + shape.length : given;
  if (axis !== 1 || (shape.length !== 2 && shape.length !== 4)) {
    return none(
      `the logits of '${layer.name}' are ${shape.join(' x ')} with the classes on axis ${axis}; N x classes (x H x W) can be shown`,
    );
  }
  const rows = classRows(layer, logits, labels);
  const first = images ? 'Image, ' : '';
  const softness = rows.soft ? 'soft label' : 'label';
  if (!isMap(logits)) {
    return {
      caption: `${first}${softness}, prediction: softmax of the logits of '${layer.name}', most likely classes first.`,
      classes: [],
      noPictures: `the predictions of '${layer.name}' are classes of items, not maps`,
      items: items(seen, (n) => ({ pictures: [], text: classesText(rows, n) })),
    };
  }
  const [height, width] = [shape[2]!, shape[3]!];
  return {
    caption: `${first}${softness}, prediction, most likely class: softmax of the logits of '${layer.name}'. Colours are mixed as the probabilities say; grey is ignored.`,
    classes: Array.from({ length: rows.classes }, (_, c) => colourOf(c)),
    items: items(seen, (n) => ({
      text: [],
      pictures: [
        picture(width, height, 3, mixed(rows, n, 'label')),
        picture(width, height, 3, mixed(rows, n, 'prediction')),
        picture(width, height, 3, mostLikely(rows, n)),
      ],
    })),
  };
}

/** What the last cross-entropy of the first test net, or of the train net, is fed with in one batch. */
export async function takeSamples({ train, tests }: Trainer): Promise<Samples> {
  const net = tests[0] ?? train;
  const layer = net.net.layers.findLast(
    ({ type }) => type === 'SigmoidCrossEntropyLoss' || type === 'SoftmaxWithLoss',
  );
  if (!layer) return none('the net has no SigmoidCrossEntropyLoss and no SoftmaxWithLoss');
  try {
    const seen = await look(net, layer);
    return layer.type === 'SigmoidCrossEntropyLoss' ? ofSigmoid(seen) : ofSoftmax(seen);
  } catch (error) {
    // The run is over and worth its report, whatever is wrong with one more batch.
    if (!(error instanceof SoftxentError)) throw error;
    return none(error.message);
  }
}
