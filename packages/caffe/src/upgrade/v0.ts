import { CaffeNetError } from '../errors.js';
import { clone, create, has, mutable, setSource, sourceOf } from '../schema/message.js';
import type { NetParameter, V0LayerParameter, V1LayerParameter } from '../schema/messages.js';
import { V0_LAYER_TYPES } from './names.js';

/** Told about a field that has no place in the newer format. */
export type UpgradeWarning = (message: string) => void;

function refuse(connection: V1LayerParameter, message: string): never {
  const { name, type } = connection.layer;
  throw new CaffeNetError(message, { name, type, source: sourceOf(connection) });
}

/**
 * Takes the `padding` layers out of a V0 net: the convolution or pooling that reads from one gets its pad and its bottom.
 */
function withoutPaddingLayers(net: NetParameter): V1LayerParameter[] {
  const lastTop = new Map<string, V1LayerParameter | undefined>();
  for (const input of net.input) lastTop.set(input, undefined);
  const kept: V1LayerParameter[] = [];
  for (const connection of net.layers) {
    const { type } = connection.layer;
    const copy = clone(connection);
    if (type !== 'padding') kept.push(copy);
    const bottoms = [...connection.bottom];
    for (const [index, bottom] of bottoms.entries()) {
      if (!lastTop.has(bottom))
        refuse(connection, `its bottom '${bottom}' (index ${index}) is made by no layer before it`);
      const source = lastTop.get(bottom);
      if (source?.layer.type !== 'padding') continue;
      if (type !== 'conv' && type !== 'pool') {
        refuse(
          connection,
          `reads from the padding layer '${source.layer.name}', which only conv and pool can`,
        );
      }
      if (bottoms.length !== 1)
        refuse(connection, `reads from a padding layer and has ${bottoms.length} bottoms; it takes one`);
      if (source.bottom.length !== 1)
        refuse(source, `a padding layer takes one bottom, here are ${source.bottom.length}`);
      if (source.top.length !== 1)
        refuse(source, `a padding layer makes one top, here are ${source.top.length}`);
      copy.layer.pad = source.layer.pad;
      bottoms[index] = source.bottom[0] ?? bottom;
    }
    if (has(connection, 'bottom')) copy.bottom = bottoms;
    for (const top of connection.top) lastTop.set(top, connection);
  }
  return kept;
}

/** The numbers of V0 fields that went into the parameters of one layer type or another. */
function moveFields(v0: V0LayerParameter, to: V1LayerParameter, warn: UpgradeWarning): void {
  const { type } = v0;
  const misfit = (field: string) =>
    warn(
      `layer '${v0.name}': the V0 type ${type === '' ? '(none)' : type} has no place for ${field}; it is dropped`,
    );
  /** Sets a field in the first of the targets whose type this is. */
  const move = (field: Exclude<keyof V0LayerParameter, '$type'>, targets: Record<string, () => void>) => {
    if (!has(v0, field)) return;
    const target = Object.hasOwn(targets, type) ? targets[type] : undefined;
    if (target) target();
    else misfit(field);
  };
  const conv = () => mutable(to, 'convolution_param');
  const ip = () => mutable(to, 'inner_product_param');
  const pool = () => mutable(to, 'pooling_param');
  const lrn = () => mutable(to, 'lrn_param');
  const data = () => mutable(to, 'data_param');
  const hdf5 = () => mutable(to, 'hdf5_data_param');
  const images = () => mutable(to, 'image_data_param');
  const window = () => mutable(to, 'window_data_param');

  move('num_output', {
    conv: () => (conv().num_output = v0.num_output),
    innerproduct: () => (ip().num_output = v0.num_output),
  });
  move('biasterm', {
    conv: () => (conv().bias_term = v0.biasterm),
    innerproduct: () => (ip().bias_term = v0.biasterm),
  });
  move('weight_filler', {
    conv: () => (conv().weight_filler = clone(v0.weight_filler)),
    innerproduct: () => (ip().weight_filler = clone(v0.weight_filler)),
  });
  move('bias_filler', {
    conv: () => (conv().bias_filler = clone(v0.bias_filler)),
    innerproduct: () => (ip().bias_filler = clone(v0.bias_filler)),
  });
  move('pad', { conv: () => (conv().pad = [v0.pad]), pool: () => (pool().pad = v0.pad) });
  move('kernelsize', {
    conv: () => (conv().kernel_size = [v0.kernelsize]),
    pool: () => (pool().kernel_size = v0.kernelsize),
  });
  move('group', { conv: () => (conv().group = v0.group) });
  move('stride', { conv: () => (conv().stride = [v0.stride]), pool: () => (pool().stride = v0.stride) });
  move('pool', { pool: () => (pool().pool = v0.pool) });
  move('dropout_ratio', { dropout: () => (mutable(to, 'dropout_param').dropout_ratio = v0.dropout_ratio) });
  move('local_size', { lrn: () => (lrn().local_size = v0.local_size) });
  move('alpha', { lrn: () => (lrn().alpha = v0.alpha) });
  move('beta', { lrn: () => (lrn().beta = v0.beta) });
  move('k', { lrn: () => (lrn().k = v0.k) });
  move('source', {
    data: () => (data().source = v0.source),
    hdf5_data: () => (hdf5().source = v0.source),
    images: () => (images().source = v0.source),
    window_data: () => (window().source = v0.source),
    infogain_loss: () => (mutable(to, 'infogain_loss_param').source = v0.source),
  });
  move('batchsize', {
    data: () => (data().batch_size = v0.batchsize),
    hdf5_data: () => (hdf5().batch_size = v0.batchsize),
    images: () => (images().batch_size = v0.batchsize),
    window_data: () => (window().batch_size = v0.batchsize),
  });
  move('rand_skip', {
    data: () => (data().rand_skip = v0.rand_skip),
    images: () => (images().rand_skip = v0.rand_skip),
  });
  move('shuffle_images', { images: () => (images().shuffle = v0.shuffle_images) });
  move('new_height', { images: () => (images().new_height = v0.new_height) });
  move('new_width', { images: () => (images().new_width = v0.new_width) });
  move('concat_dim', { concat: () => (mutable(to, 'concat_param').concat_dim = v0.concat_dim) });
  move('det_fg_threshold', { window_data: () => (window().fg_threshold = v0.det_fg_threshold) });
  move('det_bg_threshold', { window_data: () => (window().bg_threshold = v0.det_bg_threshold) });
  move('det_fg_fraction', { window_data: () => (window().fg_fraction = v0.det_fg_fraction) });
  move('det_context_pad', { window_data: () => (window().context_pad = v0.det_context_pad) });
  move('det_crop_mode', { window_data: () => (window().crop_mode = v0.det_crop_mode) });
  move('hdf5_output_param', { hdf5_output: () => (to.hdf5_output_param = clone(v0.hdf5_output_param)) });
}

function upgradeLayer(connection: V1LayerParameter, warn: UpgradeWarning): V1LayerParameter {
  const to = create('V1LayerParameter', { bottom: connection.bottom, top: connection.top });
  setSource(to, sourceOf(connection));
  if (!has(connection, 'layer')) return to;
  const v0 = connection.layer;
  if (has(v0, 'name')) to.name = v0.name;
  if (has(v0, 'type')) {
    const type = Object.hasOwn(V0_LAYER_TYPES, v0.type) ? V0_LAYER_TYPES[v0.type] : undefined;
    if (type === undefined)
      refuse(
        connection,
        `'${v0.type}' is not a layer type of the V0 format (${Object.keys(V0_LAYER_TYPES).join(', ')})`,
      );
    to.type = type;
  }
  if (has(v0, 'blobs')) to.blobs = v0.blobs.map((blob) => clone(blob));
  if (has(v0, 'blobs_lr')) to.blobs_lr = [...v0.blobs_lr];
  if (has(v0, 'weight_decay')) to.weight_decay = [...v0.weight_decay];
  // These four stand for any type.
  if (has(v0, 'scale')) mutable(to, 'transform_param').scale = v0.scale;
  if (has(v0, 'meanfile')) mutable(to, 'transform_param').mean_file = v0.meanfile;
  if (has(v0, 'cropsize')) mutable(to, 'transform_param').crop_size = v0.cropsize;
  if (has(v0, 'mirror')) mutable(to, 'transform_param').mirror = v0.mirror;
  moveFields(v0, to, warn);
  return to;
}

/** Turns a V0 net (`layers { layer { type: "conv" } }`) into a V1 net, as Caffe does. */
export function upgradeV0(net: NetParameter, warn: UpgradeWarning): NetParameter {
  const to = create('NetParameter', {
    layers: withoutPaddingLayers(net).map((connection) => upgradeLayer(connection, warn)),
  });
  if (has(net, 'name')) to.name = net.name;
  if (has(net, 'input')) to.input = [...net.input];
  if (has(net, 'input_dim')) to.input_dim = [...net.input_dim];
  if (has(net, 'force_backward')) to.force_backward = net.force_backward;
  setSource(to, sourceOf(net));
  return to;
}
