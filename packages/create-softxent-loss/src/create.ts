import { fileURLToPath } from 'node:url';
import { createFrom, type CreatedProject, type CreateOptions, type Template } from 'create-softxent-backend';

const template: Template = {
  folder: fileURLToPath(new URL('../template', import.meta.url)),
  placeholder: 'softxent-loss-template',
  from: import.meta.url,
};

/**
 * Makes a package that holds a loss, with its formula and the tests that hold it to that.
 *
 * @param folder where to: new or empty; folders above it are made
 * @throws {CreateError} for a folder that holds something, or a name that is none for an npm package
 */
export function createProject(folder: string, options: CreateOptions = {}): Promise<CreatedProject> {
  return createFrom(template, folder, options);
}
