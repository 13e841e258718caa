import { fileURLToPath } from 'node:url';
import { createFrom, type CreatedProject, type CreateOptions, type Template } from './template.js';

const template: Template = {
  folder: fileURLToPath(new URL('../template', import.meta.url)),
  placeholder: 'softxent-backend-template',
  from: import.meta.url,
};

/**
 * Makes a package that holds a working backend, with its tests wired to the conformance suite.
 *
 * @param folder where to: new or empty; folders above it are made
 * @throws {CreateError} for a folder that holds something, or a name that is none for an npm package
 */
export function createProject(folder: string, options: CreateOptions = {}): Promise<CreatedProject> {
  return createFrom(template, folder, options);
}
