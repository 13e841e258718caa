/** Whether lanes of a subgroup are threads next to one another. */
import { workgroupSize, type SubgroupLanes } from '../wgsl/combine.js';
import type { KernelHost } from './kernel.js';
import { countOf } from './probe.js';

/**
 * As kernels do it: threads go through a loop that ends earlier for some than for others, and then ask their neighbours.
 */
function probeText(lanes: SubgroupLanes): string {
  const lines: string[] = [];
  for (let step = 1; step < lanes; step *= 2) {
    lines.push(
      `let other${step} = subgroupShuffleDown(mine, ${step}u);`,
      `if (lane % ${2 * step}u == 0u && other${step} != mine + ${step}u) { atomicAdd(&wrong[0], 1u); }`,
    );
  }
  return `enable subgroups;
struct Params { zero: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> wrong: array<atomic<u32>>;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  var mine = id.x * ${workgroupSize}u + lane;
  for (var k = lane; k < 150u + id.x; k += ${workgroupSize}u) { mine ^= params.zero; }
  ${lines.join('\n  ')}
}`;
}

/**
 * WGSL does not say which threads of a workgroup are which lanes of a subgroup. Where, as everywhere in practice, they are
 * in the order of their index, this number of lanes can pass numbers from neighbour to neighbour.
 */
export async function areLanesInOrder(host: KernelHost, lanes: SubgroupLanes): Promise<boolean> {
  return (await countOf(host, { text: probeText(lanes), buffers: [], groups: 64 })) === 0;
}
