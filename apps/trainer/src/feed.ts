import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LayerParameter, OpenFeed, SourceOptions } from '@softxent/caffe';
import { has, openSoftLabelFolder } from '@softxent/caffe';
import type { DataFlags } from './flags.js';
import type { Print } from './surroundings.js';
import { short, UsageError } from './surroundings.js';

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** FOLDER itself, or the part of it that is for the phase. */
async function partOf(folder: string, phase: 'TRAIN' | 'TEST'): Promise<string> {
  if (await isFolder(join(folder, 'images'))) return folder;
  const part = join(folder, phase === 'TRAIN' ? 'train' : 'test');
  return (await isFolder(part)) ? part : folder;
}

/** Whether a layer is the one that images and labels come from. */
function isFed(layer: LayerParameter, only: boolean): boolean {
  return layer.top.length === 2 && (only || (layer.top[0] === 'data' && layer.top[1] === 'label'));
}

async function folderFor(
  { data, testData }: DataFlags,
  { phase, folder = '.' }: SourceOptions,
  warn: (message: string) => void,
): Promise<string | undefined> {
  if (phase === 'TRAIN') return data === undefined ? undefined : partOf(resolve(folder, data), phase);
  if (testData !== undefined) return partOf(resolve(folder, testData), phase);
  if (data === undefined) return undefined;
  const found = await partOf(resolve(folder, data), phase);
  if (found === (await partOf(resolve(folder, data), 'TRAIN'))) {
    warn('tests read the training images: give --test-data for others');
  }
  return found;
}

/** Two Input layers in a row, one for the images and one for the labels, cannot be told from other inputs but by their names. */
const single = 'give the net one input layer with the tops "data" and "label"';

/**
 * Feeds a folder of images and soft labels to the layer whose tops are `data` and `label` (or, for Input layers, any two).
 * @param solo for `test` and `time`, where `--data` is the only folder: no warning about it
 */
export function folderFeed(flags: DataFlags, print: Print, { solo = false } = {}): OpenFeed | undefined {
  if (flags.data === undefined && flags.testData === undefined) return undefined;
  return async (layer, shapes, options) => {
    if (!isFed(layer, layer.type === 'Input' || layer.type === 'MemoryData')) {
      if (layer.type !== 'Input') return undefined;
      throw new UsageError(
        `--data cannot feed the layer '${layer.name}' (tops ${layer.top.join(', ')}): ${single}`,
      );
    }
    const folder = await folderFor(flags, options, solo ? () => {} : (text) => print(`warning: ${text}`));
    if (folder === undefined) return undefined;
    const { transform_param: transform } = layer;
    const [images = []] = shapes;
    const [batch, channels, height, width] = images;
    const side = transform.crop_size > 0 ? transform.crop_size : 0;
    const crop =
      flags.crop ??
      (side > 0 ? { height: side, width: side } : height && width ? { height, width } : undefined);
    const mean = flags.mean ?? transform.mean_value;
    const scale = flags.scale ?? transform.scale;
    if (channels !== undefined && channels !== 1 && channels !== 3) {
      throw new UsageError(
        `--data gives images of 3 or 1 channels; the layer '${layer.name}' has ${channels}`,
      );
    }
    const planes = channels ?? (transform.force_gray ? 1 : 3);
    if (flags.mean && flags.mean.length !== 1 && flags.mean.length !== planes) {
      throw new UsageError(
        `--mean ${flags.mean.join(',')}: found ${flags.mean.length} values, expected one${planes === 1 ? '' : ', or blue,green,red'}`,
      );
    }
    const source = await openSoftLabelFolder({
      folder,
      phase: options.phase,
      batchSize: flags.batch ?? batch ?? ownBatchSize(layer),
      ...(crop && { crop }),
      mirror: flags.mirror,
      seed: options.seed ?? 0,
      channels: planes,
      mean,
      scale,
      tops: [layer.top[0]!, layer.top[1]!],
    });
    const pixels =
      mean.length === 0 && scale === 1
        ? 'pixels 0 to 255'
        : `pixels (x - ${mean.map(short).join(',') || 0}) * ${short(scale)}`;
    print(
      `${options.phase === 'TRAIN' ? 'Train' : 'Test'} data: ${source.length} pairs of ${folder}, batches of ${[...source.tops.values()][0]!.join(' x ')}, ${pixels}`,
    );
    return source;
  };
}

/** The batch size that a data layer has in its own parameters. */
function ownBatchSize(layer: LayerParameter): number {
  const own = [layer.data_param, layer.image_data_param, layer.hdf5_data_param].find(
    (param) => has(param, 'batch_size') && param.batch_size > 0,
  );
  return own?.batch_size ?? 1;
}
