import { fill } from '../fillers/filler.js';
import { Random } from '../fillers/random.js';
import { create } from '../schema/message.js';
import type { FillerParameter, LayerParameter } from '../schema/messages.js';
import type { Batch, BatchSource, SourceContext } from './source.js';
import { layerError, topNames } from './source.js';

function pick<T>(items: readonly T[], index: number): T {
  return (items.length === 1 ? items[0] : items[index])!;
}

function checkCount(layer: LayerParameter, field: string, found: number, tops: number): void {
  if (found !== 1 && found !== tops) {
    throw layerError(
      layer,
      `found ${found} ${field}, expected one, or one for each of the ${tops} top blobs`,
    );
  }
}

function shapesOf(layer: LayerParameter, tops: number): number[][] {
  const { shape, num, channels, height, width } = layer.dummy_data_param;
  const legacy = { num, channels, height, width };
  if (Object.values(legacy).every((dims) => dims.length === 0)) {
    checkCount(layer, 'shape', shape.length, tops);
    return Array.from({ length: tops }, (_, i) => pick(shape, i).dim.map(Number));
  }
  if (shape.length > 0)
    throw layerError(layer, 'found both shape and num, channels, height, width; expected one way');
  for (const [field, dims] of Object.entries(legacy)) checkCount(layer, field, dims.length, tops);
  return Array.from({ length: tops }, (_, i) => Object.values(legacy).map((dims) => pick(dims, i)));
}

/**
 * Caffe's `DummyData` layer: every top filled by a filler (constant 0 for want of another), anew for every batch unless the
 * filler is constant. Shapes by `shape`, or by num, channels, height and width.
 */
export function openDummySource(layer: LayerParameter, { seed }: SourceContext): Promise<BatchSource> {
  const tops = topNames(layer, 1, Infinity);
  const given = layer.dummy_data_param.data_filler;
  if (given.length > 0) checkCount(layer, 'data_filler', given.length, tops.length);
  const fillers: readonly FillerParameter[] = given.length > 0 ? given : [create('FillerParameter')];
  const shapes = shapesOf(layer, tops.length);
  let step = 0;
  const next = (): Batch => {
    const random = tops.map((_, i) => new Random(seed, 3, step, i));
    step++;
    return new Map(
      tops.map((top, i) => {
        const shape = shapes[i]!;
        return [top, { shape, data: fill(pick(fillers, i), shape, random[i]!) }];
      }),
    );
  };
  next(); // an unknown filler, or one that cannot fill these shapes, is an error now
  step = 0;
  return Promise.resolve({
    tops: new Map(tops.map((top, i) => [top, shapes[i]!])),
    length: undefined,
    next: () => Promise.resolve(next()),
    skip: (batches: number) => {
      step += batches;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
}
