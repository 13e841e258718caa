/** Finds a backend in a module that a user names. Node only. */
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SoftxentError, type Backend } from '@softxent/core';

/** The module could not be loaded, or holds no backend under the name that was looked for. */
export class BackendModuleError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('BACKEND_MODULE', message, options);
  }
}

/** Which backend of a module, and with which options. */
export interface LoadOptions {
  /** Name of the export; default: `backend`, else `default`, else the only one that is a backend or makes one. */
  readonly name?: string;
  /** What a factory is called with. */
  readonly argument?: unknown;
  /** Folder that paths are relative to. */
  readonly folder: string;
}

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false;
  const { name, open } = value as Partial<Backend>;
  return typeof name === 'string' && typeof open === 'function';
}

function addressOf(specifier: string, folder: string): string {
  if (specifier.startsWith('.') || isAbsolute(specifier))
    return pathToFileURL(resolve(folder, specifier)).href;
  // A package of the user's folder, not of ours.
  return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(specifier)).href;
}

/**
 * The backend that a module exports: an object, or a function that makes one.
 *
 * @param specifier a path (`./my-backend.js`) or the name of a package
 * @throws {BackendModuleError} saying what the module holds instead
 */
export async function loadBackend(specifier: string, options: LoadOptions): Promise<Backend> {
  let module: Record<string, unknown>;
  try {
    module = (await import(addressOf(specifier, options.folder))) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendModuleError(`cannot load ${specifier}: ${reason}`, { cause: error });
  }
  const exported = Object.keys(module);
  const name = options.name ?? ['backend', 'default'].find((n) => n in module) ?? only(module);
  if (name === undefined || !(name in module)) {
    const wanted =
      options.name === undefined ? 'an export named backend, or --export' : `an export named ${name}`;
    throw new BackendModuleError(
      `${specifier}: found the exports ${exported.join(', ') || 'none'}, expected ${wanted}`,
    );
  }
  const value = module[name];
  const made: unknown = typeof value === 'function' ? await value(options.argument) : value;
  if (isBackend(made)) return made;
  throw new BackendModuleError(
    `${specifier}, export ${name}: found ${made === null ? 'null' : typeof made}, expected a backend: { name, open() }`,
  );
}

/** The single export that can be a backend: error classes and other things begin with a capital letter. */
function only(module: Readonly<Record<string, unknown>>): string | undefined {
  const candidates = Object.keys(module).filter(
    (name) => isBackend(module[name]) || (typeof module[name] === 'function' && /^[a-z]/.test(name)),
  );
  return candidates.length === 1 ? candidates[0] : undefined;
}
