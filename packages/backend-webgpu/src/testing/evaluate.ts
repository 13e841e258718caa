/** For tests: WGSL functions of two numbers on arrays of numbers. */
import { findAdapter, requestDevice } from '../adapter.js';
import { mapModeRead, usage } from '../buffer.js';
import { mathLibrary, type MathName } from '../wgsl/math.js';

export interface Evaluator {
  /** `text` is an expression of `a` and `b`, f32 each; its value, an f32, for every pair. */
  evaluate(
    names: readonly MathName[],
    text: string,
    a: Float32Array,
    b?: Float32Array,
  ): Promise<Float32Array>;
  close(): void;
}

export async function openEvaluator(): Promise<Evaluator> {
  const device = await requestDevice(await findAdapter({}));
  return {
    async evaluate(names, text, a, b = a) {
      const code = [
        'struct Params { zero: u32 }',
        '@group(0) @binding(0) var<uniform> params: Params;',
        '@group(0) @binding(1) var<storage, read> lefts: array<f32>;',
        '@group(0) @binding(2) var<storage, read> rights: array<f32>;',
        '@group(0) @binding(3) var<storage, read_write> results: array<f32>;',
        mathLibrary(names),
        '@compute @workgroup_size(64)',
        'fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {',
        'for (var k = 0u; k < 16u; k++) {',
        'let j = (id.x * 16u + k) * 64u + lane;',
        'if (j >= arrayLength(&results)) { break; }',
        'let a = lefts[j];',
        'let b = rights[j];',
        `results[j] = ${text};`,
        'if (params.zero == 1u) { results[j] += lefts[0] + rights[0]; }',
        '}',
        '}',
      ].join('\n');
      const storage = (data: Float32Array): GPUBuffer => {
        const buffer = device.createBuffer({ size: data.byteLength, usage: usage.storage | usage.copyDst });
        device.queue.writeBuffer(buffer, 0, new Float32Array(data));
        return buffer;
      };
      const params = device.createBuffer({ size: 16, usage: usage.uniform | usage.copyDst });
      const results = device.createBuffer({ size: a.byteLength, usage: usage.storage | usage.copySrc });
      const staging = device.createBuffer({ size: a.byteLength, usage: usage.mapRead | usage.copyDst });
      device.pushErrorScope('validation');
      const pipeline = device.createComputePipeline({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
      });
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      const resources = [params, storage(a), storage(b), results];
      pass.setBindGroup(
        0,
        device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: resources.map((buffer, binding) => ({ binding, resource: { buffer } })),
        }),
      );
      pass.dispatchWorkgroups(Math.ceil(a.length / 1024));
      pass.end();
      encoder.copyBufferToBuffer(results, 0, staging, 0, a.byteLength);
      device.queue.submit([encoder.finish()]);
      const error = await device.popErrorScope();
      if (error !== null) throw new Error(`${error.message}\n${code}`);
      await staging.mapAsync(mapModeRead);
      const copy = new Float32Array(staging.getMappedRange().slice(0));
      staging.destroy();
      return copy;
    },
    close() {
      device.destroy();
    },
  };
}
