import type { DraftBlob, DraftLayer } from './build.js';

/**
 * Takes the backward pass away from layers that no loss depends on and from those whose gradients nobody reads; then
 * `force_backward` gives it to all layers, and to every bottom that takes a gradient at all.
 */
export function markBackward(
  layers: readonly DraftLayer[],
  blobs: readonly DraftBlob[],
  force: boolean,
): void {
  const underLoss = new Set<string>();
  const skipped = new Set<string>();
  const nameOf = (id: number) => blobs[id]?.name ?? '';
  for (const layer of layers.toReversed()) {
    const tops = layer.tops.map(nameOf);
    const contributes = tops.some((name, i) => layer.lossWeights[i] !== 0 || underLoss.has(name));
    const unread = tops.every((name) => skipped.has(name));
    if (layer.needsBackward && unread) {
      layer.needsBackward = false;
      layer.bottomNeedsGradient = layer.bottoms.map(() => false);
    }
    if (!contributes) {
      layer.needsBackward = false;
      layer.bottomNeedsGradient = layer.bottoms.map(() => false);
    }
    for (const [i, id] of layer.bottoms.entries()) {
      if (contributes) underLoss.add(nameOf(id));
      if (layer.bottomNeedsGradient[i] !== true) skipped.add(nameOf(id));
    }
  }
  if (!force) return;
  for (const layer of layers) {
    layer.needsBackward = true;
    layer.bottomNeedsGradient = layer.bottomNeedsGradient.map(
      (needed, i) => needed || (layer.spec.allowsForceBackward?.(i) ?? true),
    );
    layer.paramNeedsGradient = layer.paramNeedsGradient.map(() => true);
  }
}
