/** Whether an adapter converts between float16 and float32 as promised. */
import { mathLibrary } from '../wgsl/math.js';
import type { KernelHost } from './kernel.js';
import { countOf } from './probe.js';

const patterns = 2 ** 16;
const each = 16;

/**
 * Every half becomes a float32; it, the number half-way to the next, and that number's neighbours become halves; `wrong`
 * counts what differs from the conversion by integers. NaN may be any NaN.
 */
function probeText(): string {
  return `enable f16;
struct Params { zero: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> wrong: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> written: array<f16>;
@group(0) @binding(3) var<storage, read> halves: array<f16>;
${mathLibrary(['halfToFloat', 'floatToHalf', 'toHalf', 'isNaN'])}
fn differs(i: u32, x: f32) -> bool {
  written[i] = sx_toHalf(x);
  let got = bitcast<u32>(vec2<f16>(written[i], f16())) & 0xffffu;
  let expected = sx_floatToHalf(x);
  return got != expected && !((got & 0x7fffu) > 0x7c00u && (expected & 0x7fffu) > 0x7c00u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var k = 0u; k < ${each}u; k++) {
    let i = (id.x * ${each}u + k) * 64u + lane;
    let expected = sx_halfToFloat(i);
    let got = f32(halves[i]);
    if (bitcast<u32>(got) != bitcast<u32>(expected) && !(sx_isNaN(got) && sx_isNaN(expected))) {
      atomicAdd(&wrong[0], 1u);
    }
    // The bits after those of a half: exact, just below and above half-way, half-way, just below the next.
    let tails = array(0u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu);
    for (var n = 0u; n < 5u; n++) {
      if (differs(i, bitcast<f32>(bitcast<u32>(expected) + tails[n]))) { atomicAdd(&wrong[0], 1u); }
    }
    // Half-way between subnormals, whose neighbours are 2^-24 apart.
    if ((i & 0x7fffu) < 0x400u) {
      let halfway = (f32(i & 0x7fffu) + 0.5) * 5.9604644775390625e-8;
      if (differs(i, halfway) || differs(i, -halfway)) { atomicAdd(&wrong[0], 1u); }
    }
  }
}`;
}

/**
 * WGSL lets an adapter round to the nearest half or the other one beside the number, and take subnormal halves for 0. Where
 * this one does neither, its own conversions give the bits of ours.
 */
export async function isHalfExact(host: KernelHost): Promise<boolean> {
  const data = Uint16Array.from({ length: patterns }, (_, i) => i);
  const wrong = await countOf(host, {
    text: probeText(),
    buffers: [
      { use: 'write', bytes: data.byteLength },
      { use: 'read', bytes: data.byteLength, data },
    ],
    groups: patterns / each / 64,
  });
  return wrong === 0;
}
