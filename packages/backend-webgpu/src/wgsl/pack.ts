import { mathLibrary } from './math.js';

/** Threads of a workgroup that packs, and words that a thread packs. */
export const packSize = 64;
export const packEach = 8;

/** A kernel that rounds float32 numbers to binary16, two to a word. */
export function packText(): string {
  return [
    'struct Params { zero: u32, words: u32, length: u32, base: u32 }',
    '@group(0) @binding(0) var<uniform> params: Params;',
    '@group(0) @binding(1) var<storage, read_write> packed: array<u32>;',
    '@group(0) @binding(2) var<storage, read> numbers: array<f32>;',
    mathLibrary(['floatToHalf']),
    `@compute @workgroup_size(${packSize})`,
    'fn main(@builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) count: vec3u,',
    '    @builtin(local_invocation_index) lane: u32) {',
    'let unit = id.y * count.x + id.x;',
    `for (var k = 0u; k < ${packEach}u; k++) {`,
    `let word = (unit * ${packEach}u + k) * ${packSize}u + lane;`,
    'if (word >= params.words) { break; }',
    'let at = word - params.base;',
    'let low = sx_floatToHalf(numbers[word * 2u]);',
    // The other half of the last word is not ours.
    'var high = packed[at] >> 16u;',
    'if (word * 2u + 1u < params.length) { high = sx_floatToHalf(numbers[word * 2u + 1u]); }',
    'packed[at] = low | (high << 16u);',
    '}',
    '}',
  ].join('\n');
}
