/** A WebAssembly module with an imported memory and functions of i32 parameters. */
import { name, section, unsigned, vector } from './bytes.js';
import { typeCodes, type FunctionBody } from './function.js';

/** How the memory is imported, as `env.memory`. */
export interface MemoryImport {
  readonly shared: boolean;
  readonly maximumPages: number;
}

// "\0asm" and version 1.
const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Encodes a module; functions get the indices of their order, and those in `exports` are exported by name. */
export function encodeModule(
  functions: readonly FunctionBody[],
  exports: readonly FunctionBody[],
  memory: MemoryImport,
): Uint8Array<ArrayBuffer> {
  const arities = [...new Set(functions.map((f) => f.parameters))];
  const types = arities.map((arity) => [
    0x60,
    ...unsigned(arity),
    ...Array.from({ length: arity }, () => typeCodes.i32),
    0,
  ]);
  const limits = memory.shared
    ? [0x03, ...unsigned(0), ...unsigned(memory.maximumPages)]
    : [0x01, ...unsigned(0), ...unsigned(memory.maximumPages)];
  const imports = [[...name('env'), ...name('memory'), 0x02, ...limits]];
  const exported = exports.map((f) => [...name(f.name), 0x00, ...unsigned(functions.indexOf(f))]);
  return Uint8Array.from([
    ...header,
    ...section(1, vector(types)),
    ...section(2, vector(imports)),
    ...section(3, vector(functions.map((f) => unsigned(arities.indexOf(f.parameters))))),
    ...section(7, vector(exported)),
    ...section(10, vector(functions.map((f) => f.encode()))),
  ]);
}
