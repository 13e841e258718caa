/** How kernels reach what is bound: declarations and loads, as WGSL. */
import type { Bindings, InputBinding, OutputBinding } from '../kernel/bindings.js';
import { indexText } from './access.js';
import type { MathName } from './math.js';

// One element a load: with vectors of four, a triad took 0.53 of the time on SwiftShader and 1.36 on lavapipe.
/** An element as a number, whatever it is stored as. Bytes and halves come four and two to a word, but for native halves. */
function loadBody({ dtype, stored, binding }: InputBinding): string {
  const b = `b${binding}`;
  switch (dtype) {
    case 'float32':
      return `${b}[j]`;
    case 'int32':
      return `f32(${b}[j])`;
    case 'uint8':
      return `f32((${b}[j >> 2u] >> ((j & 3u) * 8u)) & 0xffu)`;
    case 'float16':
      if (stored === 'f16') return `f32(${b}[j])`;
      return `sx_halfToFloat((${b}[j >> 1u] >> ((j & 1u) * 16u)) & 0xffffu)`;
  }
}

/** The storage buffers, and a function `loadN` for each that is read. */
export function declarations({ inputs, outputs }: Bindings): string[] {
  return [
    ...inputs.flatMap((input) => [
      `@group(0) @binding(${input.binding}) var<storage, read> b${input.binding}: array<${input.stored}>;`,
      `fn load${input.binding}(j: u32) -> f32 { return ${loadBody(input)}; }`,
    ]),
    ...outputs.map(
      ({ binding, stored }) =>
        `@group(0) @binding(${binding}) var<storage, read_write> b${binding}: array<${stored}>;`,
    ),
  ];
}

/** An operand's element for the row `row` or the element `el`. */
export function loadText(bindings: Bindings, name: string): string {
  const constant = bindings.constants.get(name);
  if (constant !== undefined) {
    return `scratch[${constant.offset}u + ${indexText(constant.access, constant.level === 'row' ? 'row' : 'el')}]`;
  }
  const { binding, access, level } = bindings.input(name);
  return `load${binding}(${indexText(access, level === 'row' ? 'row' : 'el')} - params.base${binding})`;
}

/** Writes a result's element for the row `row` or the element `el`. */
export function storeText(
  { binding, stored, level }: OutputBinding,
  value: string,
  use: (name: MathName) => void,
): string {
  if (stored === 'f16') use('toHalf');
  const index = `${level === 'row' ? 'row' : 'el'} - params.base${binding}`;
  return `b${binding}[${index}] = ${stored === 'f16' ? `sx_toHalf(${value})` : value};`;
}
