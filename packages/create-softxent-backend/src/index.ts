/** Starts projects that hold a backend for softxent. Node only. */
export { createProject, CreateError, type CreatedProject, type CreateOptions } from './create.js';
