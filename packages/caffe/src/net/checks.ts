import { CaffeNetError } from '../errors.js';
import type { LayerParameter } from '../schema/messages.js';
import type { BlobCount, LayerSpec, Shape } from './layer-spec.js';
import { layerReference } from './layer-spec.js';

/** The most axes that a blob of Caffe has. */
export const MAX_AXES = 32;

const MAX_COUNT = 2 ** 31 - 1;

function checkCount(layer: LayerParameter, what: 'bottom' | 'top', found: number, allowed: BlobCount): void {
  const { exact, min, max } = allowed;
  let expected: string | undefined;
  if (exact !== undefined && found !== exact) expected = `exactly ${exact}`;
  else if (min !== undefined && found < min) expected = `at least ${min}`;
  else if (max !== undefined && found > max) expected = `at most ${max}`;
  if (expected === undefined) return;
  const verb = what === 'bottom' ? 'takes' : 'makes';
  throw new CaffeNetError(
    `has ${found} ${what}s; a ${layer.type} layer ${verb} ${expected}`,
    layerReference(layer),
  );
}

/** Refuses a layer with more or fewer bottoms or tops than its type has. */
export function checkCounts(spec: LayerSpec, layer: LayerParameter, bottoms: number, tops: number): void {
  checkCount(layer, 'bottom', bottoms, spec.bottoms);
  checkCount(layer, 'top', tops, spec.tops);
  if (spec.equalBottomTop === true && bottoms !== tops) {
    throw new CaffeNetError(
      `has ${bottoms} bottoms and ${tops} tops; a ${layer.type} layer makes one top per bottom`,
      layerReference(layer),
    );
  }
}

/** Refuses shapes that no blob has: more than 32 axes, negative or broken extents, more than 2^31 - 1 elements. */
export function checkShape(shape: Shape, what: string, layer: LayerParameter): void {
  const refuse = (why: string): never => {
    throw new CaffeNetError(
      `its ${what} would have the shape ${shape.join(' ')}: ${why}`,
      layerReference(layer),
    );
  };
  if (shape.length > MAX_AXES) refuse(`${shape.length} axes; a blob has at most ${MAX_AXES}`);
  let count = 1;
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) refuse(`${extent} is not an extent; expected 0 or more`);
    count *= extent;
    if (count > MAX_COUNT) refuse(`a blob holds at most ${MAX_COUNT} elements`);
  }
}
