/** A user's project: every package of this repository as it would be published, installed by npm into an empty folder. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { execPath, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const examples = join(repository, 'examples');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Runs a program; its output is in the error where it fails. */
export async function run(command: string, args: readonly string[], folder: string): Promise<string> {
  // The runner of this test tells its children about itself.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|npm_)/.test(name)),
  );
  try {
    const options = { cwd: folder, env, maxBuffer: 1 << 26, shell: platform === 'win32' };
    return (await execute(command, [...args], options)).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** A package in the project. */
export interface Installed {
  readonly name: string;
  /** What a program may import of it. */
  readonly specifiers: readonly string[];
}

/** What a third party's package is in this workspace, seen from the package that depends on it. */
async function installedHere(name: string, from: string): Promise<string> {
  return realpath(join(from, 'node_modules', name));
}

/**
 * Makes the project in a folder. The packages of this repository are archives that `pnpm pack` made. Those of third parties
 * come from this workspace: npm is given their names and versions, and links to them take their places, so that nothing is
 * downloaded. A package that imports what its manifest does not name fails here as it would at a user's.
 */
export async function makeProject(folder: string): Promise<readonly Installed[]> {
  const archives = join(folder, 'archives');
  const sources = (await readdir(join(repository, 'packages'))).map((name) =>
    join(repository, 'packages', name),
  );
  const pack = ['--filter', './packages/*', 'pack', '--pack-destination', archives];
  await run(execPath, [join(repository, 'scripts', 'pnpm.mjs'), ...pack], repository);

  const dependencies: Record<string, string> = {};
  const thirdParties = new Map<string, string>();
  const manifests = await Promise.all(sources.map(readManifest));
  const own = new Set(manifests.map(({ name }) => name));
  for (const [i, { name, version, dependencies: needed, peerDependencies }] of manifests.entries()) {
    dependencies[name] = `file:archives/${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
    for (const other of Object.keys({ ...needed, ...peerDependencies })) {
      if (!own.has(other)) thirdParties.set(other, sources[i] as string);
    }
  }
  // What the examples themselves are built and run with.
  for (const tool of ['@tensorflow/tfjs', '@types/node', 'esbuild', 'typescript', 'vite']) {
    thirdParties.set(tool, examples);
  }
  const places = await Promise.all(
    Array.from(thirdParties, async ([name, from]) => ({ name, place: await installedHere(name, from) })),
  );
  for (const { name } of places) dependencies[name] = `file:third-parties/${name}`;
  const shadow = (name: string): string => join(folder, 'third-parties', name);
  await Promise.all(
    places.map(async ({ name, place }) => {
      const { version } = await readManifest(place);
      await mkdir(shadow(name), { recursive: true });
      await writeFile(join(shadow(name), 'package.json'), JSON.stringify({ name, version }));
    }),
  );
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module', dependencies }),
  );
  const npm = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  await run('npm', npm, folder);
  await Promise.all(
    places.map(async ({ name, place }) => {
      await rm(shadow(name), { recursive: true });
      await symlink(place, shadow(name), 'dir');
    }),
  );
  for (const name of ['node', 'tfjs', 'web', 'esbuild']) {
    // oxlint-disable-next-line no-await-in-loop
    await cp(join(examples, name), join(folder, name), { recursive: true });
  }
  await cp(join(examples, 'tsconfig.user.json'), join(folder, 'tsconfig.json'));
  return Promise.all(
    manifests.map(async ({ name }) => {
      const { exports } = await readManifest(join(folder, 'node_modules', name));
      const paths = Object.keys(exports).filter((path) => path !== './package.json');
      return { name, specifiers: paths.map((path) => name + path.slice(1)) };
    }),
  );
}

/** The path of a program that a package of the workspace brings. */
export function programOf(name: string, path: string): string {
  return join(dirname(createRequire(join(examples, 'package.json')).resolve(`${name}/package.json`)), path);
}
