/** Starts projects that hold a backend for softxent. Node only. */
export { runCommand, type CreateCommand, type Surroundings } from './command.js';
export { createProject } from './create.js';
export {
  createFrom,
  CreateError,
  type CreatedProject,
  type CreateOptions,
  type Template,
} from './template.js';
