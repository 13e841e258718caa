/** Starts projects that hold a loss for softxent. Node only. */
export { createProject } from './create.js';
