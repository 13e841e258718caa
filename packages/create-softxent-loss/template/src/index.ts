export { loss, type LossOptions } from './loss.js';
