/** Projects made from templates; create-softxent-loss makes its own with this as well. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { SoftxentError } from '@softxent/core';

/** The project could not be made; nothing was left behind. */
export class CreateError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('CREATE', message, options);
  }
}

/** Options of a project. */
export interface CreateOptions {
  /** Name of the package and of what it holds; default: the folder's. */
  readonly name?: string;
}

/** What was made. */
export interface CreatedProject {
  readonly folder: string;
  readonly name: string;
  /** Paths below the folder. */
  readonly files: readonly string[];
}

/**
 * A folder that projects are copies of. Its `gitignore` and `manifest.json` become `.gitignore` and `package.json`: npm does not
 * publish the one, and takes a folder with the other for a package of its own.
 */
export interface Template {
  /** The folder. */
  readonly folder: string;
  /** What stands for the project's name in its files. */
  readonly placeholder: string;
  /** `import.meta.url` of a module whose dependencies include every package that the manifest asks for in version `*`. */
  readonly from: string;
}

/** npm's rules for the name of a new package. */
const packageName = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;

/**
 * Copies a template into a new or empty folder. The project is put together beside the folder and renamed, so that a failure
 * leaves nothing half made.
 *
 * @param folder where to; folders above it are made
 * @throws {CreateError} for a folder that holds something, or a name that is none for an npm package
 */
export async function createFrom(
  template: Template,
  folder: string,
  options: CreateOptions = {},
): Promise<CreatedProject> {
  const target = resolve(folder);
  const name = options.name ?? basename(target);
  if (!packageName.test(name) || name.length > 214) {
    throw new CreateError(`name: found '${name}', expected the name of an npm package, in lower case`);
  }
  await requireEmpty(target);
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    const files = await fill(template, draft, name);
    await rmdir(target).catch(ignoreMissing);
    await rename(draft, target);
    return { folder: target, name, files };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function requireEmpty(folder: string): Promise<void> {
  let found: readonly string[];
  try {
    found = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    const what = code === 'ENOTDIR' ? 'a file' : String(error);
    throw new CreateError(`${folder}: found ${what}, expected a new or empty folder`, { cause: error });
  }
  if (found.length === 0) return;
  throw new CreateError(`${folder}: found ${found.length} entries, expected a new or empty folder`);
}

async function fill({ folder, placeholder, from }: Template, draft: string, name: string): Promise<string[]> {
  // What an installation or a build left in the template of a working copy is not part of it.
  const isLeft = (path: string): boolean => ['node_modules', 'dist'].includes(basename(path));
  await cp(folder, draft, { recursive: true, filter: (path) => path === folder || !isLeft(path) });
  await rename(join(draft, 'gitignore'), join(draft, '.gitignore'));
  await rename(join(draft, 'manifest.json'), join(draft, 'package.json'));
  const entries = await readdir(draft, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  await Promise.all(paths.map((path) => setName(path, placeholder, name)));
  await setVersions(join(draft, 'package.json'), from);
  return paths.map((path) => path.slice(draft.length + 1)).toSorted();
}

async function setName(path: string, placeholder: string, name: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  if (text.includes(placeholder)) await writeFile(path, text.replaceAll(placeholder, name));
}

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

/** The project takes the packages of this release. */
async function setVersions(path: string, from: string): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  const open = [manifest.dependencies, manifest.devDependencies].flatMap((ranges = {}) =>
    Object.entries(ranges).flatMap(([name, range]) => (range === '*' ? [{ ranges, name }] : [])),
  );
  await Promise.all(
    open.map(async ({ ranges, name }) => {
      ranges[name] = await rangeOf(name, from);
    }),
  );
  await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function rangeOf(name: string, from: string): Promise<string> {
  const path = createRequire(from).resolve(`${name}/package.json`);
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
  return `^${version}`;
}
