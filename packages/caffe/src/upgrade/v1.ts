import { CaffeNetError } from '../errors.js';
import { clear, clone, create, emptyMessage, has, mutable, setSource, sourceOf } from '../schema/message.js';
import type { LayerParameter, NetParameter, ParamSpec, V1LayerParameter } from '../schema/messages.js';
import { V1_LAYER_TYPES } from './names.js';
import type { UpgradeWarning } from './v0.js';

/** The parameters of V1 layer types that carry over as they are. */
const CARRIED = [
  'accuracy_param',
  'argmax_param',
  'concat_param',
  'contrastive_loss_param',
  'convolution_param',
  'data_param',
  'dropout_param',
  'dummy_data_param',
  'eltwise_param',
  'exp_param',
  'hdf5_data_param',
  'hdf5_output_param',
  'hinge_loss_param',
  'image_data_param',
  'infogain_loss_param',
  'inner_product_param',
  'lrn_param',
  'memory_data_param',
  'mvn_param',
  'pooling_param',
  'power_param',
  'relu_param',
  'sigmoid_param',
  'softmax_param',
  'slice_param',
  'tanh_param',
  'threshold_param',
  'window_data_param',
  'transform_param',
  'loss_param',
] as const;

const DATA_TYPES = {
  DATA: 'data_param',
  IMAGE_DATA: 'image_data_param',
  WINDOW_DATA: 'window_data_param',
} as const;
const TRANSFORM_FIELDS = ['scale', 'mean_file', 'crop_size', 'mirror'] as const;

function dataParamOf(layer: V1LayerParameter): (typeof DATA_TYPES)[keyof typeof DATA_TYPES] | undefined {
  return layer.type in DATA_TYPES ? DATA_TYPES[layer.type as keyof typeof DATA_TYPES] : undefined;
}

/** Whether a V1 net has scale, mean_file, crop_size or mirror in its data layers, where they stood before transform_param. */
export function needsTransformUpgrade(net: NetParameter): boolean {
  return net.layers.some((layer) => {
    const param = dataParamOf(layer);
    return param !== undefined && TRANSFORM_FIELDS.some((field) => has(layer[param], field));
  });
}

/** Moves those fields into transform_param. */
export function upgradeTransforms(net: NetParameter): NetParameter {
  const to = clone(net);
  for (const layer of to.layers) {
    const name = dataParamOf(layer);
    if (name === undefined) continue;
    // Caffe makes both messages for every data layer of the net once one of them needs the change.
    const param = mutable(layer, name);
    const transform = mutable(layer, 'transform_param');
    if (has(param, 'scale')) transform.scale = param.scale;
    if (has(param, 'mean_file')) transform.mean_file = param.mean_file;
    if (has(param, 'crop_size')) transform.crop_size = param.crop_size;
    if (has(param, 'mirror')) transform.mirror = param.mirror;
    for (const field of TRANSFORM_FIELDS) clear(param, field);
  }
  return to;
}

function paramSpecs(v1: V1LayerParameter): ParamSpec[] {
  const count = Math.max(
    v1.param.length,
    v1.blob_share_mode.length,
    v1.blobs_lr.length,
    v1.weight_decay.length,
  );
  return Array.from({ length: count }, (_, i) => {
    const spec = emptyMessage('ParamSpec');
    const name = v1.param[i];
    const mode = v1.blob_share_mode[i];
    const lr = v1.blobs_lr[i];
    const decay = v1.weight_decay[i];
    if (name !== undefined) spec.name = name;
    if (mode !== undefined) spec.share_mode = mode;
    if (lr !== undefined) spec.lr_mult = lr;
    if (decay !== undefined) spec.decay_mult = decay;
    return spec;
  });
}

function upgradeLayer(v1: V1LayerParameter, warn: UpgradeWarning): LayerParameter {
  const to = create('LayerParameter', { bottom: v1.bottom, top: v1.top });
  setSource(to, sourceOf(v1));
  if (has(v1, 'name')) to.name = v1.name;
  if (has(v1, 'include')) to.include = v1.include.map((rule) => clone(rule));
  if (has(v1, 'exclude')) to.exclude = v1.exclude.map((rule) => clone(rule));
  if (has(v1, 'type')) to.type = V1_LAYER_TYPES[v1.type];
  if (has(v1, 'blobs')) to.blobs = v1.blobs.map((blob) => clone(blob));
  const params = paramSpecs(v1);
  if (params.length > 0) to.param = params;
  if (has(v1, 'loss_weight')) to.loss_weight = [...v1.loss_weight];
  const from = v1 as unknown as Record<string, unknown>;
  for (const name of CARRIED) {
    if (has(v1, name)) (to as unknown as Record<string, unknown>)[name] = clone(from[name] as ParamSpec);
  }
  if (has(v1, 'layer')) warn(`layer '${v1.name}': holds a V0 layer as well, which is ignored`);
  return to;
}

/** Turns a V1 net (`layers { type: CONVOLUTION }`) into a net of today (`layer { type: "Convolution" }`). */
export function upgradeV1(net: NetParameter, warn: UpgradeWarning): NetParameter {
  const [layer] = net.layer;
  if (layer) {
    throw new CaffeNetError(
      "the net has both 'layer' and 'layers' fields: 'layers' is the old format. Write all of them as layer { type: \"Name\" }",
      { name: layer.name, type: layer.type, source: sourceOf(layer) },
    );
  }
  const to = clone(net);
  clear(to, 'layers');
  to.layer = net.layers.map((v1) => upgradeLayer(v1, warn));
  return to;
}
