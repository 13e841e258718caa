import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SoftxentError } from '@softxent/core';

/** The project could not be made; nothing was left behind. */
export class CreateError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('CREATE', message, options);
  }
}

/** Options of {@link createProject}. */
export interface CreateOptions {
  /** Name of the package and of its backend; default: the folder's. */
  readonly name?: string;
}

/** What was made. */
export interface CreatedProject {
  readonly folder: string;
  readonly name: string;
  /** Paths below the folder. */
  readonly files: readonly string[];
}

const template = fileURLToPath(new URL('../template', import.meta.url));
/** What stands in the template for the name. */
const placeholder = 'softxent-backend-template';
/** npm's rules for the name of a new package. */
const packageName = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;

/**
 * Makes a project in a new or empty folder: a package that holds a working backend, with its tests wired to the conformance
 * suite. It is put together beside the folder and renamed, so that a failure leaves nothing half made.
 *
 * @param folder where to; folders above it are made
 * @throws {CreateError} for a folder that holds something, or a name that is none for an npm package
 */
export async function createProject(folder: string, options: CreateOptions = {}): Promise<CreatedProject> {
  const target = resolve(folder);
  const name = options.name ?? basename(target);
  if (!packageName.test(name) || name.length > 214) {
    throw new CreateError(`name: found '${name}', expected the name of an npm package, in lower case`);
  }
  await requireEmpty(target);
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    const files = await fill(draft, name);
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

async function fill(draft: string, name: string): Promise<string[]> {
  // What an installation or a build left in the template of a working copy is not part of it.
  const isLeft = (path: string): boolean => ['node_modules', 'dist'].includes(basename(path));
  await cp(template, draft, {
    recursive: true,
    filter: (path) => path === template || !isLeft(path),
  });
  // npm does not publish a .gitignore, and takes a package.json in a folder for another package.
  await rename(join(draft, 'gitignore'), join(draft, '.gitignore'));
  await rename(join(draft, 'manifest.json'), join(draft, 'package.json'));
  const entries = await readdir(draft, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  await Promise.all(paths.map((path) => setName(path, name)));
  await setVersions(join(draft, 'package.json'));
  return paths.map((path) => path.slice(draft.length + 1)).toSorted();
}

async function setName(path: string, name: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  if (text.includes(placeholder)) await writeFile(path, text.replaceAll(placeholder, name));
}

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** The project takes the packages of this one's release. */
async function setVersions(path: string): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  manifest.dependencies['@softxent/core'] = await rangeOf('@softxent/core');
  manifest.devDependencies['@softxent/conformance'] = await rangeOf('@softxent/conformance');
  await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function rangeOf(name: string): Promise<string> {
  const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
  return `^${version}`;
}
