/** The net that predicts: a training net without its losses, labels and data sources. */
import type { LayerParameter, NetParameter, NetState, Shape } from '@softxent/caffe';
import {
  buildNet,
  clone,
  create,
  filterNet,
  isSource,
  layerTypes,
  netState,
  upgradeNet,
} from '@softxent/caffe';
import { builtNet } from './shapes.js';
import { CommandError } from './surroundings.js';

/** How to make it. */
export interface InferenceOptions {
  readonly level?: number;
  readonly stages?: readonly string[];
  /** Add what turns the logits of cross-entropies into probabilities. */
  readonly probabilities?: boolean;
}

const isLoss = ({ type, loss_weight: weights }: LayerParameter): boolean =>
  layerTypes.get(type)?.loss === true ||
  type === 'Accuracy' ||
  type === 'Silence' ||
  weights.some((w) => w !== 0);

function probabilityLayer({
  type,
  name,
  bottom,
  softmax_param: softmax,
}: LayerParameter): LayerParameter | undefined {
  const common = { name: `${name}_probability`, bottom: [bottom[0]!], top: [`${bottom[0]!}_probability`] };
  if (type === 'SigmoidCrossEntropyLoss') return create('LayerParameter', { ...common, type: 'Sigmoid' });
  if (type !== 'SoftmaxWithLoss') return undefined;
  const layer = create('LayerParameter', { ...common, type: 'Softmax' });
  layer.softmax_param = clone(softmax);
  return layer;
}

/** Layers in the order of the net, without those that lead to nothing that is wanted. */
function reached(layers: readonly LayerParameter[], wanted: ReadonlySet<string>): LayerParameter[] {
  const needed = new Set(wanted);
  return layers
    .toReversed()
    .filter(({ top, bottom }) => {
      if (!top.some((name) => needed.has(name))) return false;
      for (const name of bottom) needed.add(name);
      return true;
    })
    .toReversed();
}

function asInput(
  layer: LayerParameter,
  used: ReadonlySet<string>,
  shapeOf: (top: string) => Shape,
): LayerParameter {
  const tops = layer.top.filter((top) => used.has(top));
  return create('LayerParameter', {
    name: layer.name,
    type: 'Input',
    top: tops,
    input_param: { shape: tops.map((top) => ({ dim: shapeOf(top).map(BigInt) })) },
  });
}

/**
 * Takes losses, accuracies and what only they need off a net in its test phase; data layers become Input layers of the shapes
 * that their data have. A net without losses stays as it is.
 * @returns the net, and the blobs that it gives out
 * @throws CommandError where nothing is left; CaffeNetError and what opening data throws
 */
export async function inferenceNet(
  param: NetParameter,
  folder: string,
  { level = 0, stages = [], probabilities = false }: InferenceOptions = {},
): Promise<{ param: NetParameter; state: NetState; outputs: string[] }> {
  const state = netState(upgradeNet(param), { phase: 'TEST', level, stages });
  const whole = filterNet(upgradeNet(param), state);
  const losses = whole.layer.filter((layer) => isLoss(layer));
  const rest = whole.layer.filter((layer) => !isLoss(layer));
  const added = probabilities ? losses.flatMap((layer) => probabilityLayer(layer) ?? []) : [];
  const read = new Set(rest.flatMap(({ bottom, top }) => bottom.filter((name) => !top.includes(name))));
  // What nothing reads any more, but for blobs that come straight from the data: labels.
  const outputs = [
    ...new Set(
      rest
        .filter(({ type }) => !isSource(type))
        .flatMap(({ top }) => top)
        .filter((name) => !read.has(name)),
    ),
  ];
  if (outputs.length === 0)
    throw new CommandError('the net has no layers but data and losses in its test phase');
  const final = probabilities
    ? outputs.map((name) => added.find(({ bottom }) => bottom[0] === name)?.top[0] ?? name)
    : outputs;
  const layers = reached([...rest, ...added], new Set(final));
  const used = new Set(layers.flatMap(({ bottom }) => bottom));
  const built = await builtNet(param, state, folder);
  const shapeOf = (top: string): Shape => built.blobs.find(({ name }) => name === top)!.shape;
  const net = clone(whole);
  net.layer = layers.map((layer) => (isSource(layer.type) ? asInput(layer, used, shapeOf) : layer));
  buildNet(net, { layers: layerTypes, state });
  return { param: net, state, outputs: final };
}
