/** WebGPU in Node: Dawn, through the optional peer dependency `webgpu`. */
import { BackendUnavailableError } from '@softxent/core';
import { backendName, messageOf } from '../errors.js';

interface DawnModule {
  create(options: readonly string[]): GPU;
}

// Once the object is collected, the process aborts: it is kept for good, and one serves all.
const key = Symbol.for('softxent.webgpu.dawn');
const keep = globalThis as { [key]?: GPU };

/** The GPU object of the `webgpu` package. */
export async function dawn(): Promise<GPU> {
  const known = keep[key];
  if (known !== undefined) return known;
  // Not a literal: bundlers for browsers would look for it.
  const name: string = 'webgpu';
  let module: DawnModule;
  try {
    module = (await import(/* @vite-ignore */ name)) as DawnModule;
  } catch (error) {
    throw new BackendUnavailableError(
      backendName,
      `the package webgpu cannot be loaded (npm install webgpu@0.6.2): ${messageOf(error)}`,
      { cause: error },
    );
  }
  keep[key] = module.create([]);
  return keep[key];
}

/** Whether this is Node (or a program that acts as if). */
export function isNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}
