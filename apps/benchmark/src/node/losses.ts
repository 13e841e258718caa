/** Losses from modules of the user's. */
import { loadHeldLoss } from '@softxent/conformance/load';
import { makeKnown } from '../measure/losses.js';

/** Where a loss with its formula is: what `softxent-conformance --loss` takes. */
export interface LossModule {
  /** Path or package name. */
  readonly module: string;
  /** Name of its export, where that has to be said. */
  readonly export?: string;
  /** Folder that paths are relative to. */
  readonly folder: string;
}

/**
 * Loads a loss, makes it known to this process, and returns its kind.
 *
 * @throws {BackendModuleError} for a module that holds none
 * @throws {OptionError} for a loss that cannot be known by its kind
 */
export async function loadLoss({ module, export: name, folder }: LossModule): Promise<string> {
  const held = await loadHeldLoss(module, { folder, ...(name === undefined ? {} : { name }) });
  return makeKnown(held);
}
