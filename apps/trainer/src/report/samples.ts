import type { Blob, DataNet, NetLayer, Trainer } from '@softxent/caffe';
import { fedBlob } from '@softxent/caffe';
import type { Picture } from './picture.js';
import { picture } from './picture.js';

/** How many items a report shows. */
const SHOWN = 6;

/** Pictures of one item: its image where there is one, its label, the prediction. */
export type Sample = readonly Picture[];

const extent = (shape: readonly number[], axis: number): number => shape[axis] ?? 1;

/** Item `n` of a blob of images, blue first, stretched to all levels: what was subtracted from its pixels is not known here. */
function imageOf({ shape, data }: Blob, n: number): Picture {
  const [channels, height, width] = [1, 2, 3].map((axis) => extent(shape, axis)) as [1 | 3, number, number];
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

/** The loss whose predictions are pictures: the last sigmoid cross-entropy with one logit for each pixel. */
function pictured({ net }: DataNet): NetLayer | undefined {
  return net.layers.findLast(({ type, bottomShapes: [logits] }) => {
    return type === 'SigmoidCrossEntropyLoss' && logits?.length === 4 && logits[1] === 1 && logits[3]! > 1;
  });
}

/** Images, labels and predictions of a batch of the first test net, or of the train net; none where predictions are no pictures. */
export async function takeSamples({ train, tests }: Trainer): Promise<Sample[]> {
  const net = tests[0] ?? train;
  const layer = pictured(net);
  const labels = layer && fedBlob(net.net, layer.bottoms[1]!);
  if (!layer || labels === undefined) return [];
  const feeds = (await net.next()) as Readonly<Record<string, Blob>>;
  const name = net.net.blobs[layer.bottoms[0]!]!.name;
  const logits = (await net.engine.forward(feeds, { blobs: [name] })).blobs.get(name)!;
  const [count, , height, width] = logits.shape as [number, number, number, number];
  const plane = height * width;
  const label = feeds[labels]!;
  const images = Object.entries(feeds).find(
    ([blob, { shape }]) =>
      blob !== labels && shape.length === 4 && shape[0] === count && [1, 3].includes(shape[1]!),
  )?.[1];
  return Array.from({ length: Math.min(SHOWN, count) }, (_, n) => [
    ...(images ? [imageOf(images, n)] : []),
    picture(width, height, 1, (i) => label.data[n * plane + i]!),
    picture(width, height, 1, (i) => 1 / (1 + Math.exp(-logits.data[n * plane + i]!))),
  ]);
}
