import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@softxent/backend-onnx/runtime';
import { openSession } from '@softxent/backend-onnx/runtime';
import { describe, expect, test } from 'vitest';
import { layerContext } from '../net/layer-spec.js';
import type { LayerParameter, Phase } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import type { Value } from './graph.js';
import { LayerGraph } from './graph.js';
import type { LayerHost } from './index.js';
import { layerTypes } from './index.js';

/** Numbers computed by BVLC Caffe 1.0 (CPU, OpenBLAS): one layer, its blobs and its gradients. */
interface Case {
  readonly name: string;
  readonly layer: string;
  readonly phase: Phase;
  readonly note?: string;
  readonly bottoms: readonly Blob[];
  readonly params?: readonly Blob[];
  readonly tops?: readonly Blob[];
  readonly topDiffs?: readonly Blob[];
  readonly bottomDiffs?: readonly Blob[];
  readonly paramDiffs?: readonly Blob[];
  readonly paramsAfterForward?: readonly Blob[];
}

interface Blob {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

interface Results {
  readonly tops: Float32Array[];
  readonly topShapes: (readonly number[])[];
  readonly bottomDiffs: Map<string, Float32Array>;
  readonly paramDiffs: Map<string, Float32Array>;
  readonly updates: Map<string, Float32Array>;
}

const folder = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}/`, import.meta.url));

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function load(file: string): {
  given: Case & { tops: readonly Blob[] };
  blob: (blob: Blob) => Float32Array<ArrayBuffer>;
} {
  const given = { tops: [], ...(JSON.parse(readFileSync(`${file}.json`, 'utf8')) as Case) };
  const bytes = readFileSync(`${file}.f32`);
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { given, blob: ({ offset, shape }) => floats.slice(offset, offset + count(shape)) };
}

const layerOf = ({ layer, phase }: Case): LayerParameter => {
  const parsed = parseText('NetParameter', layer).layer[0]!;
  parsed.name = 'case';
  parsed.phase = phase;
  return parsed;
};

const asTensor = ({ shape }: Blob, data: Float32Array<ArrayBuffer>): HostTensor => ({
  dtype: 'float32',
  shape,
  data,
});

async function run(
  file: string,
  host: LayerHost = {},
  provider: 'cpu' | 'webgpu' | null = null,
): Promise<Results> {
  const { given, blob } = load(file);
  const layer = layerOf(given);
  const type = layerTypes.get(layer.type)!;
  const g = new LayerGraph(provider);
  const feeds: Record<string, HostTensor> = {};
  const feed = (name: string, source: Blob, shape = source.shape): Value => {
    feeds[name] = asTensor({ ...source, shape }, blob(source));
    return g.input(name, shape);
  };
  const shapes = type.shapes(
    layerContext(
      layer,
      given.bottoms.map(({ shape }) => shape),
      given.tops.length,
    ),
  );
  const bottoms = given.bottoms.map((source, i) => feed(`bottom${i}`, source));
  const params = (given.params ?? []).map((source, i) => feed(`param${i}`, source, shapes.params[i]!.shape));
  let states = 0;
  const forward = type.build({
    g,
    layer,
    phase: given.phase,
    bottoms,
    params,
    topCount: given.tops.length,
    host,
    training: true,
    random: () => {
      throw new Error('a deterministic layer asks for random numbers');
    },
    state(shape) {
      const name = `state${states++}`;
      feeds[name] = { dtype: 'float32', shape, data: new Float32Array(count(shape)) };
      return g.input(name, shape);
    },
  });
  for (const [i, top] of forward.tops.entries()) g.output(`top${i}`, top);
  for (const [i, update] of forward.updates ?? []) g.output(`update${i}`, update);
  if (given.bottomDiffs ?? given.paramDiffs) {
    const weights = layer.loss_weight.length > 0 ? layer.loss_weight : type.loss ? [1] : [];
    const tops = given.topDiffs
      ? given.topDiffs.map((source, i) =>
          feed(
            `topDiff${i}`,
            source,
            g.sizes(forward.tops[i]!).includes(null) ? source.shape : g.dims(forward.tops[i]!),
          ),
        )
      : given.tops.map((_, i) => (weights[i] ? g.constant([weights[i]], []) : null));
    const wanted = {
      bottoms: given.bottoms.map(({ name }) => (given.bottomDiffs ?? []).some((diff) => diff.name === name)),
      params: params.map(() => true),
    };
    const gradients = forward.backward!(tops, wanted);
    gradients.bottoms.forEach((value, i) => value && wanted.bottoms[i] && g.output(`bottomDiff${i}`, value));
    (gradients.params ?? []).forEach((value, i) => value && g.output(`paramDiff${i}`, value));
  }
  const results: Results = {
    tops: [],
    topShapes: [],
    bottomDiffs: new Map(),
    paramDiffs: new Map(),
    updates: new Map(),
  };
  if (g.builder.outputs.length === 0) return results;
  await using session = await openSession(g.builder.toBytes(), { provider: 'cpu', threads: 1 });
  const outputs = await session.run(feeds);
  const data = (name: string): Float32Array => outputs[name]!.data as Float32Array;
  for (const i of forward.tops.keys()) {
    results.tops.push(data(`top${i}`));
    results.topShapes.push(outputs[`top${i}`]!.shape);
  }
  for (const [i, { name }] of given.bottoms.entries()) {
    if (outputs[`bottomDiff${i}`]) results.bottomDiffs.set(name, data(`bottomDiff${i}`));
  }
  for (const [i, { name }] of (given.params ?? []).entries()) {
    if (outputs[`paramDiff${i}`]) results.paramDiffs.set(name, data(`paramDiff${i}`));
    if (outputs[`update${i}`]) results.updates.set(name, data(`update${i}`));
  }
  return results;
}

/** Within `relative` of the largest finite value and `absolute`; NaN and infinities exactly. */
function expectClose(
  actual: Float32Array,
  expected: Float32Array,
  what: string,
  relative: number,
  absolute = 0,
): void {
  expect(actual.length, `${what}: elements`).toBe(expected.length);
  const largest = expected.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    0,
  );
  for (const [i, value] of expected.entries()) {
    const found = actual[i]!;
    if (Number.isFinite(value)) {
      expect(Math.abs(found - value), `${what}[${i}]: found ${found}, expected ${value}`).toBeLessThanOrEqual(
        relative * largest + absolute,
      );
    } else {
      expect(found, `${what}[${i}]`).toBe(value);
    }
  }
}

const trimmed = (shape: readonly number[]): readonly number[] => (shape.length === 0 ? [1] : shape);

function check(file: string, results: Results, relative: number, absolute = 0): void {
  const { given, blob } = load(file);
  for (const [i, top] of given.tops.entries()) {
    expect(trimmed(results.topShapes[i]!), `${top.name}: shape`).toEqual(top.shape);
    expectClose(results.tops[i]!, blob(top), top.name, relative, absolute);
  }
  const none = (source: Blob): Float32Array => new Float32Array(count(source.shape));
  for (const diff of given.bottomDiffs ?? []) {
    // What is not there is a gradient of 0.
    expectClose(
      results.bottomDiffs.get(diff.name) ?? none(diff),
      blob(diff),
      `gradient of ${diff.name}`,
      relative,
    );
  }
  for (const diff of given.paramDiffs ?? []) {
    expectClose(
      results.paramDiffs.get(diff.name) ?? none(diff),
      blob(diff),
      `gradient of parameter ${diff.name}`,
      relative,
    );
  }
  for (const after of given.paramsAfterForward ?? []) {
    expectClose(
      results.updates.get(after.name)!,
      blob(after),
      `parameter ${after.name} after the forward pass`,
      relative,
    );
  }
}

const cases = (kind: string): string[] =>
  readdirSync(folder(kind))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));

describe('layers give what Caffe gives, forward and backward', () => {
  test.for(cases('layers'))('%s', async (name) => {
    const file = folder('layers') + name;
    const results = await run(file);
    expect(results.tops.length).toBe(load(file).given.tops.length);
    check(file, results, /^(LRN|LSTM|RNN)/.test(name) ? 1e-4 : 1e-5);
  });
});

describe("pooling gives the same by the CPU provider's own operators", () => {
  test.for(cases('layers').filter((name) => /^(Pooling|SPP)/.test(name)))('%s', async (name) => {
    const file = folder('layers') + name;
    const results = await run(file, {}, 'cpu');
    expect(results.tops.length).toBe(load(file).given.tops.length);
    check(file, results, 1e-5);
  });
});

describe('layers give the same by what is written out for WebGPU, here on the CPU', () => {
  test.for(cases('layers').filter((name) => /^(ArgMax|Convolution|Deconvolution)/.test(name)))(
    '%s',
    async (name) => {
      const file = folder('layers') + name;
      const results = await run(file, {}, 'webgpu');
      expect(results.tops.length).toBe(load(file).given.tops.length);
      check(file, results, 1e-5);
    },
  );
});

/** The infogain matrix of the case that reads one from a file, as its note gives it. */
const host: LayerHost = {
  caffeIgnoreQuirk: true,
  readBlob() {
    const { note } = load(`${folder('losses')}InfogainLoss`).given;
    const data = Float32Array.from(note!.replace(/^.*: /, '').split(' ').map(Number));
    return { shape: [1, 1, 4, 4], data };
  },
};

/**
 * Where we differ on purpose: Caffe has no rule for infinite logits and gives NaN; here the loss takes its limit, which
 * is 0 where the target agrees exactly and infinite elsewhere. `gradient` is there where Caffe's is NaN, too.
 */
const limits: Readonly<Record<string, { loss: number; gradient?: readonly number[] }>> = {
  'SigmoidCrossEntropyLoss-infinite-logits': { loss: Infinity },
  'SigmoidCrossEntropyLoss-nonfinite-0': { loss: Infinity },
  'SigmoidCrossEntropyLoss-nonfinite-1': { loss: 0 },
  'SigmoidCrossEntropyLoss-nonfinite-2': { loss: 0 },
  'SigmoidCrossEntropyLoss-nonfinite-3': { loss: Infinity },
  'SigmoidCrossEntropyLoss-nonfinite-4': { loss: Infinity },
  'SoftmaxWithLoss-infinite': { loss: 0, gradient: [0, 0, 0] },
};

describe('losses give what Caffe gives', () => {
  test.for(cases('losses').filter((name) => !(name in limits)))('%s', async (name) => {
    const file = folder('losses') + name;
    const results = await run(file, host);
    expect(results.tops.length).toBe(load(file).given.tops.length);
    check(file, results, 1e-5);
  });
});

describe('infinite logits take their limit, where Caffe gives NaN', () => {
  test.for(Object.entries(limits))('%s', async ([name, { loss, gradient }]) => {
    const file = folder('losses') + name;
    const results = await run(file, host);
    expect(results.tops[0]![0]).toBe(loss);
    const { given, blob } = load(file);
    const caffe = Array.from(blob(given.bottomDiffs![0]!));
    expect(Array.from(results.bottomDiffs.get('x')!)).toEqual(gradient ?? caffe);
  });
});
