import { openSession, probeProvider } from '@softxent/backend-onnx/runtime';
import { describe, expect, test } from 'vitest';
import { Random } from '../fillers/index.js';
import { layerTypes } from '../layers/index.js';
import { buildNet } from '../net/build.js';
import type { Net } from '../net/net.js';
import { countOf } from '../net/shape.js';
import { netState } from '../net/state.js';
import type { Phase } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { Engine } from './engine.js';
import { exportNet } from './export.js';
import type { EngineOptions, ExternalLoss } from './types.js';

function netOf(text: string, phase: Phase = 'TRAIN'): Net {
  const parsed = parseText('NetParameter', text, { file: 'net.prototxt' });
  return buildNet(parsed, { layers: layerTypes, state: netState(parsed, { phase }) });
}

/** An engine with parameters that are anything but 0. */
function engineOf(text: string, options: EngineOptions = {}, phase: Phase = 'TRAIN'): Engine {
  const engine = new Engine(netOf(text, phase), { threads: 1, ...options });
  const random = new Random(3);
  for (const array of engine.params) for (const i of array.keys()) array[i] = 0.6 * random.normal();
  return engine;
}

function feedsOf({ net }: Engine): Record<string, Float32Array<ArrayBuffer>> {
  const random = new Random(4);
  return Object.fromEntries(
    net.inputs.map((id) => {
      const { name, shape } = net.blobs[id]!;
      return [name, Float32Array.from({ length: countOf(shape) }, () => random.uniform() * 2 - 1)];
    }),
  );
}

const input = (...shapes: string[]): string =>
  `layer { name: "in" type: "Input" ${shapes.map((_, i) => `top: "${['data', 'label', 'third'][i]}"`).join(' ')}
     input_param { ${shapes
       .map(
         (dims) =>
           `shape { ${dims
             .split(' ')
             .map((dim) => `dim: ${dim}`)
             .join(' ')} }`,
       )
       .join(' ')} } }\n`;

const branching = `${input('2 3 6 7', '2 1 6 7')}
  layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" param { name: "w" } param { name: "b" }
    convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
  layer { name: "swish" type: "Swish" bottom: "c1" top: "c1" }
  layer { name: "c2" type: "Convolution" bottom: "c1" top: "c2" param { name: "w" } param { name: "b" }
    convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
  layer { name: "both" type: "Eltwise" bottom: "c1" bottom: "c2" top: "both" }
  layer { name: "score" type: "Convolution" bottom: "both" top: "score"
    convolution_param { num_output: 1 kernel_size: 1 } }
  layer { name: "size" type: "Reduction" bottom: "c2" top: "size" loss_weight: 0.1
    reduction_param { operation: SUMSQ axis: 1 coeff: 0.5 } }
  layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "score" bottom: "label" top: "loss" loss_weight: 3 }`;

describe('gradients', () => {
  test('are the differences of the loss: with branches, shared parameters, in-place layers and several losses', async () => {
    await using engine = engineOf(branching);
    const feeds = feedsOf(engine);
    await engine.forwardBackward(feeds);
    const gradients = engine.gradients.map((gradient) => gradient.slice());
    expect(gradients).toHaveLength(4);
    const step = 0.02;
    for (const [k, gradient] of gradients.entries()) {
      const values = engine.params[k]!;
      const slopes: number[] = [];
      for (const i of gradient.keys()) {
        const value = values[i]!;
        const at = async (x: number): Promise<number> => {
          values[i] = x;
          return (await engine.forward(feeds)).loss;
        };
        const slope = ((await at(value + step)) - (await at(value - step))) / (2 * step);
        // The error of a central difference is of third order: halve the step and extrapolate.
        const half = ((await at(value + step / 2)) - (await at(value - step / 2))) / step;
        slopes.push((4 * half - slope) / 3);
        values[i] = value;
      }
      const largest = Math.max(...gradient.map(Math.abs));
      const worst = Math.max(...slopes.map((slope, i) => Math.abs(slope - gradient[i]!)));
      expect(worst / largest).toBeLessThan(2e-3);
    }
  });

  test('have the same bits on every run and for one and two threads', async () => {
    const runs: Float32Array[][] = [];
    for (const threads of [1, 1, 2]) {
      await using engine = engineOf(branching, { threads });
      await engine.forwardBackward(feedsOf(engine));
      runs.push(engine.gradients.map((gradient) => gradient.slice()));
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  test('of frozen parameters are 0', async () => {
    await using engine = engineOf(
      branching.replaceAll('param { name: "w" }', 'param { name: "w" lr_mult: 0 }'),
    );
    await engine.forwardBackward(feedsOf(engine));
    expect(engine.gradients[0]!.every((value) => value === 0)).toBe(true);
    expect(engine.gradients[1]!.some((value) => value !== 0)).toBe(true);
  });
});

describe('a profile', () => {
  test('tells what every layer takes, forward and backward', async () => {
    await using engine = engineOf(branching);
    const { layers, other, total, passes } = await engine.profile(feedsOf(engine), { passes: 3 });
    expect(passes).toBe(3);
    expect(layers.map(({ name }) => name)).toEqual(engine.net.layers.map(({ name }) => name));
    const sum = layers.reduce((all, { forward, backward }) => all + forward + backward, other);
    expect(sum).toBeCloseTo(total, 6);
    const of = (name: string) => layers.find((layer) => layer.name === name)!;
    for (const name of ['c1', 'swish', 'c2', 'both', 'score', 'size', 'loss']) {
      expect(of(name).forward).toBeGreaterThan(0);
    }
    for (const name of ['c1', 'swish', 'c2', 'score', 'size', 'loss']) {
      expect(of(name).backward).toBeGreaterThan(0);
    }
    expect(of('in')).toMatchObject({ forward: 0, backward: 0 });
  });

  test.for([
    [{ provider: 'webgpu' }, 'ONNX Runtime tells when it starts a node on webgpu, not how long it takes'],
    [{ externalLoss: { handles: () => true, compute: () => Promise.reject(new Error()) } }, 'two graphs'],
  ] as const)('is refused where it would not be right: %s', async ([options, reason]) => {
    const engine = engineOf(branching, options);
    await expect(engine.profile(feedsOf(engine), { passes: 1 })).rejects.toThrow(reason);
  });
});

describe('WebGPU', () => {
  test('gives the gradients that the CPU gives, with every node on the device', async ({ skip }) => {
    try {
      await probeProvider({ provider: 'webgpu' });
    } catch (cause) {
      skip(`no WebGPU here: ${String(cause)}`);
    }
    const text = branching
      .replace(
        'layer { name: "both"',
        `layer { name: "pool" type: "Pooling" bottom: "c2" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
       layer { name: "up" type: "Deconvolution" bottom: "pool" top: "up"
         convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 } }
       layer { name: "fit" type: "Crop" bottom: "up" bottom: "c1" top: "fit" crop_param { axis: 2 } }
       layer { name: "both"`,
      )
      .replace('bottom: "c1" bottom: "c2" top: "both"', 'bottom: "c1" bottom: "fit" top: "both"');
    await using cpu = engineOf(text);
    await using webgpu = engineOf(text, { provider: 'webgpu' });
    const feeds = feedsOf(cpu);
    const expected = await cpu.forwardBackward(feeds);
    const found = await webgpu.forwardBackward(feeds);
    expect(found.loss / expected.loss).toBeCloseTo(1, 5);
    const worst = cpu.gradients.map((gradient, k) => {
      const largest = Math.max(...gradient.map(Math.abs));
      return Math.max(...gradient.map((value, i) => Math.abs(value - webgpu.gradients[k]![i]!))) / largest;
    });
    expect(Math.max(...worst)).toBeLessThan(1e-4);
  });
});

describe('blobs', () => {
  test('come by name on request, in-place ones with their last value', async () => {
    await using engine = engineOf(branching);
    const feeds = feedsOf(engine);
    const { blobs } = await engine.forward(feeds, { blobs: ['c1', 'data'] });
    expect([...blobs.keys()].toSorted()).toEqual(['c1', 'data', 'loss', 'size']);
    expect(blobs.get('data')!.data).toEqual(feeds['data']);
    // Swish is -0.28 at its lowest.
    expect(Math.min(...blobs.get('c1')!.data)).toBeGreaterThan(-0.2785);
  });

  test('that do not exist are refused with the names of those that do', async () => {
    await using engine = engineOf(branching);
    await expect(engine.forward(feedsOf(engine), { blobs: ['conv1'] })).rejects.toThrow(
      /no blob 'conv1'; the blobs are data, label, /,
    );
  });

  test('the loss is the sum of all weighted tops', async () => {
    await using engine = engineOf(branching);
    const { loss, blobs } = await engine.forward(feedsOf(engine));
    const [a, b] = blobs.get('size')!.data as unknown as [number, number];
    expect(loss).toBeCloseTo(3 * blobs.get('loss')!.data[0]! + 0.1 * (a + b), 5);
  });
});

describe('feeds', () => {
  test('that are missing or of another size are refused by name', async () => {
    await using engine = engineOf(branching);
    const feeds = feedsOf(engine);
    await expect(engine.forward({ data: feeds['data']! })).rejects.toThrow(
      "nothing is fed for the blob 'label' [2 1 6 7]",
    );
    await expect(engine.forward({ ...feeds, label: new Float32Array(3) })).rejects.toThrow(
      "the blob 'label' is fed with 3 numbers, expected 84 [2 1 6 7]",
    );
  });
});

describe('what a net remembers', () => {
  const dropout = `${input('1 1000')}
    layer { name: "drop" type: "Dropout" bottom: "data" top: "drop" dropout_param { dropout_ratio: 0.3 } }`;

  test('Dropout drops the same elements for the same seed and step, others for another', async () => {
    const drop = async (seed: number, step: number): Promise<Float32Array> => {
      await using engine = engineOf(dropout, { seed });
      const pass = await engine.forward({ data: new Float32Array(1000).fill(1) }, { step });
      return pass.blobs.get('drop')!.data;
    };
    const first = await drop(1, 5);
    expect(await drop(1, 5)).toEqual(first);
    expect(await drop(1, 6)).not.toEqual(first);
    expect(await drop(2, 5)).not.toEqual(first);
    const kept = first.filter((value) => value !== 0);
    expect(kept.every((value) => value === Math.fround(1 / Math.fround(0.7)))).toBe(true);
    // 5 standard deviations of 1000 draws.
    expect(Math.abs(kept.length - 700)).toBeLessThan(73);
  });

  test('Dropout does nothing in the phase TEST', async () => {
    await using engine = engineOf(dropout, {}, 'TEST');
    const data = feedsOf(engine)['data']!;
    expect((await engine.forward({ data })).blobs.get('drop')!.data).toEqual(data);
  });

  test('an LSTM goes on where the pass before ended', async () => {
    const lstm = (steps: number): string => `${input(`${steps} 2 3`, `${steps} 2`)}
      layer { name: "lstm" type: "LSTM" bottom: "data" bottom: "label" top: "lstm" recurrent_param { num_output: 4 } }`;
    await using whole = engineOf(lstm(4));
    await using half = engineOf(lstm(2));
    const data = feedsOf(whole)['data']!;
    const label = Float32Array.of(0, 0, 1, 1, 1, 1, 1, 1);
    const expected = (await whole.forward({ data, label })).blobs.get('lstm')!.data;
    await half.forward({ data: data.slice(0, 12), label: label.slice(0, 4) });
    const second = await half.forward({ data: data.slice(12), label: label.slice(4) });
    const found = second.blobs.get('lstm')!.data;
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[16 + i]!, 6);
  });

  test('BatchNorm changes its statistics in training, and not in testing', async () => {
    const text = `${input('4 2')} layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" }`;
    await using train = engineOf(text);
    for (const array of train.params) array.fill(0);
    await train.forward({ data: Float32Array.of(1, 10, 2, 20, 3, 30, 4, 40) });
    const [mean, variance, weight] = train.params;
    expect(Array.from(mean!)).toEqual([2.5, 25]);
    expect(variance![0]).toBeCloseTo(5 / 3, 6);
    expect(variance![1]).toBeCloseTo(500 / 3, 4);
    expect(Array.from(weight!)).toEqual([1]);
    await using testing = engineOf(text, { params: train.params }, 'TEST');
    const before = train.params.map((array) => array.slice());
    await testing.forward(feedsOf(testing));
    expect(testing.params).toEqual(before);
  });
});

describe('a loss that is computed elsewhere', () => {
  const text = branching.replace('loss_weight: 3', 'loss_weight: 3 loss_param { normalization: FULL }');

  test('gives the same loss and gradients', async () => {
    await using inside = engineOf(text);
    const feeds = feedsOf(inside);
    const expected = await inside.forwardBackward(feeds);
    const externalLoss: ExternalLoss = {
      handles: (layer) => layer.type === 'SigmoidCrossEntropyLoss',
      compute(_, [logits, targets], weight) {
        const n = logits!.data.length;
        const gradient = logits!.data.map(
          (x, i) => (weight * (1 / (1 + Math.exp(-x)) - targets!.data[i]!)) / n,
        );
        let value = 0;
        for (const [i, x] of logits!.data.entries()) {
          value += Math.max(x, 0) - x * targets!.data[i]! + Math.log1p(Math.exp(-Math.abs(x)));
        }
        return Promise.resolve({ value: value / n, gradient });
      },
    };
    await using outside = engineOf(text, { externalLoss });
    const found = await outside.forwardBackward(feeds);
    expect(found.loss).toBeCloseTo(expected.loss, 5);
    expect(found.blobs.get('loss')!.data[0]).toBeCloseTo(expected.blobs.get('loss')!.data[0]!, 5);
    for (const [k, gradient] of outside.gradients.entries()) {
      for (const [i, value] of gradient.entries()) expect(value).toBeCloseTo(inside.gradients[k]![i]!, 5);
    }
  });
});

test('a layer that reads a loss that is computed elsewhere is refused', async () => {
  const text = branching.concat(
    'layer { name: "twice" type: "Power" bottom: "loss" top: "twice" power_param { scale: 2 } }',
  );
  const externalLoss: ExternalLoss = {
    handles: (layer) => layer.type === 'SigmoidCrossEntropyLoss',
    compute: () => Promise.reject(new Error('not reached')),
  };
  await using engine = engineOf(text, { externalLoss });
  await expect(engine.forward(feedsOf(engine))).rejects.toThrow(
    /layer 'loss_loss_0_split' \(Split\): reads 'loss', a loss that is computed outside the net/,
  );
});

describe('an exported net', () => {
  test('is an ONNX model with stored weights that gives what the engine gives', async () => {
    const text = `${input('2 3 9 8')}
      layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 4 kernel_size: 3 } }
      layer { name: "relu" type: "ReLU" bottom: "c1" top: "c1" }
      layer { name: "pool" type: "Pooling" bottom: "c1" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
      layer { name: "over" type: "Pooling" bottom: "pool" top: "over" pooling_param { kernel_size: 3 stride: 2 pad: 1 } }
      layer { name: "prob" type: "Softmax" bottom: "over" top: "prob" }`;
    await using engine = engineOf(text, {}, 'TEST');
    const { data } = feedsOf(engine) as { data: Float32Array<ArrayBuffer> };
    const expected = (await engine.forward({ data })).blobs.get('prob')!;
    await using session = await openSession(exportNet(engine.net, engine.params), {
      provider: 'cpu',
      threads: 1,
    });
    expect(session.inputNames).toEqual(['data']);
    expect(session.outputNames).toEqual(['prob']);
    const { prob } = await session.run({ data: { dtype: 'float32', shape: [2, 3, 9, 8], data } });
    expect(prob!.shape).toEqual(expected.shape);
    for (const [i, value] of expected.data.entries()) expect(prob!.data[i]).toBeCloseTo(value, 6);
  });
});

test('a layer that cannot be computed is refused with its name, its type and its line', () => {
  const text = `${input('1 1 4 4')}layer { name: "p" type: "Pooling" bottom: "data" top: "p"
    pooling_param { pool: STOCHASTIC kernel_size: 2 } }`;
  expect(() => netOf(text)).toThrow(
    "net.prototxt:3: layer 'p' (Pooling): pool: STOCHASTIC is not supported; MAX and AVE are",
  );
});

test("a layer type of Caffe's that is not supported is refused with its name, its line and the reason", () => {
  const text = `${input('1 1 4 4')}layer { name: "p" type: "Python" bottom: "data" top: "p" }`;
  expect(() => netOf(text)).toThrow(
    "net.prototxt:3: layer 'p' (Python): this layer type is not supported: it runs Python code",
  );
});

test('a layer that needs sizes that only the data decide is refused with its name', async () => {
  const text = `${input('4 3', '4')}
    layer { name: "pick" type: "Filter" bottom: "data" bottom: "label" top: "pick" }
    layer { name: "ip" type: "InnerProduct" bottom: "pick" top: "ip" inner_product_param { num_output: 2 } }`;
  await using engine = engineOf(text);
  await expect(engine.forward(feedsOf(engine))).rejects.toThrow(
    /layer 'ip' \(InnerProduct\): a size of '.*' is known only when the net runs/,
  );
});
