/** Finds a backend, or a loss to hold, in a module that a user names. Node only. */
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SoftxentError, type Backend } from '@softxent/core';
import type { HeldLoss } from './loss/subject.js';

/** The module could not be loaded, or holds nothing fitting under the name that was looked for. */
export class BackendModuleError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('BACKEND_MODULE', message, options);
  }
}

/** Which export of a module, and with which options. */
export interface LoadOptions {
  /** Name of the export; default: `backend` (or `held`), else `default`, else the only one that fits. */
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

function isHeldLoss(value: unknown): value is HeldLoss {
  if (typeof value !== 'object' || value === null) return false;
  const { loss, formula } = value as Partial<HeldLoss>;
  return typeof loss === 'function' && 'definition' in loss && typeof formula === 'function';
}

/** What is looked for in a module. */
interface Wanted<T> {
  readonly name: string;
  readonly words: string;
  readonly is: (value: unknown) => value is T;
  /** Whether a function may be the export, which makes it. */
  readonly isMade: boolean;
}

const wantedBackend: Wanted<Backend> = {
  name: 'backend',
  words: 'a backend: { name, open() }',
  is: isBackend,
  isMade: true,
};

const wantedLoss: Wanted<HeldLoss> = {
  name: 'held',
  words: 'a loss with its formula: { loss, formula }',
  is: isHeldLoss,
  isMade: false,
};

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
export function loadBackend(specifier: string, options: LoadOptions): Promise<Backend> {
  return loadExport(specifier, options, wantedBackend);
}

/**
 * The loss that a module exports with its formula.
 *
 * @param specifier a path (`./held.js`) or the name of a package
 * @throws {BackendModuleError} saying what the module holds instead
 */
export function loadHeldLoss(specifier: string, options: LoadOptions): Promise<HeldLoss> {
  return loadExport(specifier, options, wantedLoss);
}

async function loadExport<T>(specifier: string, options: LoadOptions, wanted: Wanted<T>): Promise<T> {
  let module: Record<string, unknown>;
  try {
    module = (await import(addressOf(specifier, options.folder))) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendModuleError(`cannot load ${specifier}: ${reason}`, { cause: error });
  }
  const exported = Object.keys(module);
  const name = options.name ?? [wanted.name, 'default'].find((n) => n in module) ?? only(module, wanted);
  if (name === undefined || !(name in module)) {
    const looked = options.name ?? `${wanted.name}, or --export`;
    throw new BackendModuleError(
      `${specifier}: found the exports ${exported.join(', ') || 'none'}, expected an export named ${looked}`,
    );
  }
  const value = module[name];
  const made: unknown = wanted.isMade && typeof value === 'function' ? await value(options.argument) : value;
  if (wanted.is(made)) return made;
  throw new BackendModuleError(
    `${specifier}, export ${name}: found ${made === null ? 'null' : typeof made}, expected ${wanted.words}`,
  );
}

/** The single export that fits; what begins with a capital letter is an error class or the like. */
function only<T>(module: Readonly<Record<string, unknown>>, { is, isMade }: Wanted<T>): string | undefined {
  const candidates = Object.keys(module).filter(
    (name) => is(module[name]) || (isMade && typeof module[name] === 'function' && /^[a-z]/.test(name)),
  );
  return candidates.length === 1 ? candidates[0] : undefined;
}
