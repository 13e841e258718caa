import { resolve } from 'node:path';
import type { ImageDataParameter, LayerParameter } from '../schema/messages.js';
import { ListEntryError } from './errors.js';
import { checkListedFiles } from './files.js';
import { readImage } from './image.js';
import { checkImageParam, resized } from './image-source.js';
import { readWordList } from './list-file.js';
import type { FilePair } from './pair-source.js';
import { PairSource } from './pair-source.js';
import type { BatchSource, SourceContext } from './source.js';
import { layerError, topNames } from './source.js';
import { softLabel } from './soft-label.js';
import { Transformer } from './transform.js';

/**
 * The `ImageLabelmapData` layer of HED's Caffe (Xie and Tu, 2015): a list of pairs, an image and a grey image of its soft labels
 * of the same size. Tops: the transformed pixels N x C x H x W and the probabilities N x 1 x H x W, cropped and flipped together; mean
 * and scale apply to the pixels only.
 *
 * A label is its grey level / 255, or / 65535 for images of 16 bits: a probability. (HED's code divides in 8-bit arithmetic, which
 * rounds every label to 0 or 1; that is not imitated.) `new_height` and `new_width` resize both, bilinearly.
 */
export async function openLabelmapSource(
  layer: LayerParameter,
  context: SourceContext,
): Promise<BatchSource> {
  const { image_data_param: param } = layer;
  const [dataTop, labelTop] = topNames(layer, 2, 2) as [string, string];
  if (param.source === '') throw layerError(layer, 'image_data_param has no source');
  const list = resolve(context.folder, param.source);
  const entries = await readWordList(list, 2, 'an image file and its label file');
  const { batchSize, start } = checkImageParam(layer, entries.length, context.seed);
  const locate = (name: string): string => resolve(context.folder, param.root_folder + name);
  const pairs = entries.map(({ line, fields }) => ({
    line,
    image: locate(fields[0]!),
    label: locate(fields[1]!),
  }));
  checkListedFiles(
    list,
    pairs.flatMap(({ line, image, label }) => [
      { line, file: image },
      { line, file: label },
    ]),
  );
  const transformer = await Transformer.open(layer.transform_param, context.phase, context.folder);
  return PairSource.open({
    pairs,
    load: (pair, index) => loadPair(param, pair, list, entries[index]!.line),
    transformer,
    batchSize,
    shuffle: param.shuffle,
    start,
    seed: context.seed,
    cacheBytes: context.cacheBytes,
    dataTop,
    labelTop,
  });
}

async function loadPair(param: ImageDataParameter, { image, label }: FilePair, list: string, line: number) {
  const [pixels, levels] = await Promise.all([
    readImage(image, param.is_color ? 'colour' : 'grey'),
    readImage(label, 'grey-only'),
  ]);
  if (pixels.height !== levels.height || pixels.width !== levels.width) {
    throw new ListEntryError(
      list,
      line,
      `found a label of ${levels.width}x${levels.height}, expected ${pixels.width}x${pixels.height} as its image (${label})`,
    );
  }
  return { image: resized(pixels, param), label: softLabel(resized(levels, param)) };
}
