/** Every kind of loss that the suite knows. */
import type { Family } from './family.js';
import { regionFamilies } from './region.js';
import { binaryFamily, focalFamily, sigmoidFamily } from './sigmoid.js';
import { categoricalFamily, softmaxFamily } from './softmax.js';

export const families: readonly Family[] = [
  sigmoidFamily,
  focalFamily,
  softmaxFamily,
  binaryFamily,
  categoricalFamily,
  ...regionFamilies,
];
