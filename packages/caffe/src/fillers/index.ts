export { fill, FillerError, fillerTypes } from './filler.js';
export type { FillerOptions } from './filler.js';
export { Random } from './random.js';
