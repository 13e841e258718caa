/** Cases of the losses over regions. */
import { dice, diceSemimetric, jaccardMetric, tversky, type Loss } from '@softxent/core';
import { regionLayouts, type Family, type OptionSet } from './family.js';

function region(
  kind: string,
  make: (options: OptionSet) => unknown,
  more: readonly OptionSet[] = [],
): Family {
  return {
    kind,
    granularity: 'region',
    targets: ['float32', 'float64', 'float16', 'uint8'],
    variants: () => [{}, { smooth: 1 }, { from: 'probabilities', smooth: 0.5 }, ...more],
    make: (options) => make(options) as Loss,
    prediction: (options) => (options['from'] === 'probabilities' ? 'probabilities' : 'logits'),
    layouts: regionLayouts,
    extremes: {
      predictions: [0, 1e-6, -20, 20, 60, 1e4, -1e4, Infinity, -Infinity],
      targets: [0, 1, 0.25, 0.999999],
    },
  };
}

export const regionFamilies: readonly Family[] = [
  region('diceSemimetric', diceSemimetric),
  region('jaccardMetric', jaccardMetric),
  region('dice', dice),
  region('tversky', tversky, [{ alpha: 0.3, beta: 0.7 }]),
];
