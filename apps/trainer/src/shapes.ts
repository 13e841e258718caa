import { resolve } from 'node:path';
import type { Net, NetParameter, NetState, Shape } from '@softxent/caffe';
import {
  buildNet,
  filterNet,
  layerTypes,
  openBatchSource,
  sourceLayerTypes,
  upgradeNet,
} from '@softxent/caffe';

/** A net built without running it: data layers are opened for their shapes. @throws what building and opening throw */
export async function builtNet(param: NetParameter, state: NetState, folder: string): Promise<Net> {
  const given = new Map<string, readonly Shape[]>();
  for (const layer of filterNet(upgradeNet(param), state).layer) {
    if (!sourceLayerTypes.includes(layer.type)) continue;
    const source = await openBatchSource(layer, { phase: state.phase, folder: resolve(folder) });
    given.set(
      layer.name,
      layer.top.map((top) => source.tops.get(top) ?? []),
    );
    await source.close();
  }
  return buildNet(param, { layers: layerTypes, state, given });
}
