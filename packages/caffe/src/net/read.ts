import { CaffeFormatError } from '../errors.js';
import { readBytes } from '../files.js';
import type { MessageName } from '../schema/descriptors.js';
import type { MessageTypes, NetParameter, SolverParameter } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import type { UpgradeOptions } from '../upgrade/upgrade.js';
import { upgradeNet, upgradeSolver } from '../upgrade/upgrade.js';

/** Reads a text message from a file. A binary file in its place is an error that says so. */
async function readTextMessage<N extends MessageName>(name: N, file: string): Promise<MessageTypes[N]> {
  const bytes = await readBytes(file);
  if (bytes.subarray(0, 8192).includes(0)) {
    throw new CaffeFormatError(
      file,
      `a binary file; expected a ${name} in protobuf's text format (prototxt)`,
    );
  }
  return parseText(name, bytes, { file });
}

/**
 * Reads a net's prototxt, of any generation, in today's format.
 * @throws CaffeFileError, CaffeTextError, CaffeFormatError for a binary file, CaffeNetError when it cannot be upgraded
 */
export async function readNetFile(file: string, options: UpgradeOptions = {}): Promise<NetParameter> {
  return upgradeNet(await readTextMessage('NetParameter', file), options);
}

/**
 * Reads a solver's prototxt.
 * @throws CaffeFileError, CaffeTextError, CaffeFormatError for a binary file, CaffeNetError for both solver_type and type
 */
export async function readSolverFile(file: string): Promise<SolverParameter> {
  return upgradeSolver(await readTextMessage('SolverParameter', file));
}
