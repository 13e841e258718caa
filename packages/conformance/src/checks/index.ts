/** The whole suite. */
import type { Check } from '../check.js';
import { accuracyChecks } from './accuracy.js';
import { customChecks } from './custom.js';
import { errorChecks } from './errors.js';
import { propertyChecks } from './properties.js';
import { sessionChecks } from './sessions.js';
import { softmaxChecks } from './softmax.js';
import { targetChecks } from './targets.js';

/** Every check, in the order in which it runs. */
export function allChecks(): readonly Check[] {
  return [
    ...accuracyChecks(),
    ...customChecks(),
    ...propertyChecks(),
    ...targetChecks(),
    ...softmaxChecks(),
    ...sessionChecks(),
    ...errorChecks(),
  ];
}
