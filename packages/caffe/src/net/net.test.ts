import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CaffeNetError, CaffeTextError } from '../errors.js';
import { fill, FillerError, Random } from '../fillers/index.js';
import { layerTypes } from '../layers/index.js';
import type { NetParameter, Phase } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { buildNet } from './build.js';
import type { Net } from './net.js';
import { netState, solverNetState } from './state.js';

const read = (name: string) => readFileSync(new URL(`../../fixtures/nets/${name}`, import.meta.url), 'utf8');

interface ExpectedNet {
  layers: {
    name: string;
    type: string;
    bottoms: string[];
    tops: string[];
    backward: boolean;
    bottomNeedsGradient: boolean[];
    blobs: number[][];
  }[];
  blobs: Record<string, number[]>;
  lossWeights: Record<string, number>;
  inputs: string[];
  outputs: string[];
  params: string[];
  paramOwners: number[];
  learnable: { shape: number[]; lr: number; decay: number }[];
}
const expected = JSON.parse(read('expected.json')) as Record<
  string,
  { phase: Phase; level: number; stages: string[]; net: ExpectedNet }[]
>;
const refusals = JSON.parse(read('refusals.json')) as Record<
  string,
  { net: string; accepted: boolean; caffe?: string }
>;

const cases = Object.entries(expected).flatMap(([name, states]) =>
  states.map((state) => ({
    name,
    ...state,
    title: `${name} (${state.phase}, level ${state.level}, [${state.stages.join()}])`,
  })),
);

function build(net: NetParameter, phase: Phase = 'TRAIN', level = 0, stages: string[] = []): Net {
  return buildNet(net, { layers: layerTypes, state: netState(net, { phase, level, stages }) });
}

const buildText = (text: string) => build(parseText('NetParameter', text, { file: 'net.prototxt' }));

/** A net in the words of the fixtures. */
function describeNet(net: Net): ExpectedNet {
  const blob = (id: number) => net.blobs[id]?.name ?? '';
  return {
    layers: net.layers.map((layer) => ({
      name: layer.name,
      type: layer.type,
      bottoms: layer.bottoms.map(blob),
      tops: layer.tops.map(blob),
      backward: layer.needsBackward,
      bottomNeedsGradient: [...layer.bottomNeedsGradient],
      blobs: layer.params.map((id) => [...(net.params[id]?.shape ?? [])]),
    })),
    blobs: Object.fromEntries(net.blobs.map(({ name, shape }) => [name, [...shape]])),
    lossWeights: Object.fromEntries(
      net.blobs.flatMap(({ name, lossWeight }) => (lossWeight === 0 ? [] : [[name, lossWeight]])),
    ),
    inputs: net.inputs.map(blob),
    outputs: net.outputs.map(blob),
    params: net.params.map(({ displayName }) => displayName),
    paramOwners: net.params.map(({ owner }) => owner ?? -1),
    learnable: net.learnable.map(({ shape, lrMult, decayMult }) => ({
      shape: [...shape],
      lr: lrMult,
      decay: decayMult,
    })),
  };
}

describe('buildNet', () => {
  test.each(cases)('$title is the net that Caffe makes', ({ name, phase, level, stages, net }) => {
    const param = parseText('NetParameter', read(`${name}.prototxt`));
    expect(describeNet(build(param, phase, level, stages))).toEqual(net);
  });

  test('every prototxt fixture of nets is tried', () => {
    expect(cases.length).toBeGreaterThanOrEqual(Object.keys(expected).length);
    expect(Object.keys(expected).length).toBe(18);
  });
});

/** Builds a net as training does, as far as a net can be refused: text, layers, first values of the parameters. */
function start(text: string): Net {
  const net = buildText(text);
  const random = new Random(1);
  for (const { filler, shape } of net.learnable) fill(filler, shape, random);
  return net;
}

function refusalOf(text: string): Error {
  try {
    start(text);
  } catch (error) {
    if (error instanceof CaffeNetError || error instanceof CaffeTextError || error instanceof FillerError)
      return error;
    throw error;
  }
  throw new Error('the net was accepted');
}

describe('refusals', () => {
  const refused = Object.entries(refusals).flatMap(([name, { net, accepted, caffe }]) =>
    accepted ? [] : [{ name, net, caffe: caffe ?? '' }],
  );
  const accepted = Object.entries(refusals).flatMap(([name, { net, accepted: ok }]) =>
    ok ? [{ name, net }] : [],
  );

  test.each(refused)('$name is refused, as Caffe refuses it: $caffe', ({ net, caffe }) => {
    const { message } = refusalOf(net);
    // At least what Caffe says: the names it quotes and the two numbers that it compares.
    const names = [...caffe.matchAll(/'(\w+)'/g)]
      .map(([, name = '']) => name)
      .filter((name) => !['layer', 'layers', 'Layer', 'shape'].includes(name));
    const numbers = /\((\d\d+) vs\. (\d\d+)\)/.exec(caffe)?.slice(1) ?? [];
    expect([...names, ...numbers].filter((part) => !message.includes(part))).toEqual([]);
  });

  test.each(
    refused.filter(({ name }) => !['parse-error', 'filler-unknown', 'bilinear-not-square'].includes(name)),
  )('$name: the message names the layer and its line', ({ net }) => {
    expect(refusalOf(net).message).toMatch(/^net\.prototxt:[1-9]\d*: layer '\w+' \(\w+\): /);
  });

  test.each(accepted)('$name is accepted, as Caffe accepts it', ({ net }) => {
    expect(start(net).layers.length).toBeGreaterThan(0);
  });

  test.each([
    [
      'used-before-in-place',
      "top blob 'a' is already made by layer 'a' (InnerProduct), and other layers read it as it was ('b', 'c')",
    ],
    ['unknown-bottom', "no layer before it makes its bottom blob 'dta' (bottom 0); did you mean 'data'?"],
    ['unknown-type', "unknown layer type 'InerProduct'; did you mean InnerProduct?"],
    ['top-twice', "top blob 'a' is already made by layer 'a' (InnerProduct); give it another name"],
    ['too-many-bottoms', 'has 2 bottoms; a ReLU layer takes exactly 1'],
    ['too-few-bottoms', 'has 1 bottoms; a SigmoidCrossEntropyLoss layer takes exactly 2'],
    ['too-many-tops', 'has 2 tops; a Sigmoid layer makes exactly 1'],
    ['shared-shape', "cannot share parameter 'w' of layer 'a': its shape there is 2 3 (6), here 3 3 (9)"],
    ['shared-lr-differs', 'its lr_mult there is 1, here 2'],
    ['include-and-exclude', 'both include and exclude'],
    ['softmax-loss-two-tops', '1 loss_weight for 2 tops'],
    ['loss-weight-count', '2 loss_weight for 1 tops'],
    ['propagate-down-count', 'propagate_down is given 2 times, for 1 bottoms'],
    ['negative-dim', '-3 is not an extent'],
    ['too-many-axes', '33 axes; a blob has at most 32'],
    ['layer-and-layers', "both 'layer' and 'layers'"],
  ])('%s: %s', (name, text) => {
    expect(refusalOf(refusals[name]?.net ?? '').message).toContain(text);
  });

  const two = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n';

  test('a parameter shared with another decay_mult is refused', () => {
    const ip = (name: string, decay: number) =>
      `layer { name: "${name}" type: "InnerProduct" bottom: "x" top: "${name}" inner_product_param { num_output: 2 } param { name: "w" decay_mult: ${decay} } }\n`;
    expect(() => buildText(two + ip('a', 1) + ip('b', 2))).toThrow('its decay_mult there is 1, here 2');
  });

  test('more param messages than parameters are refused', () => {
    expect(() =>
      buildText(`${two}layer { name: "r" type: "ReLU" bottom: "x" top: "x" param { lr_mult: 1 } }`),
    ).toThrow('1 param messages for 0 parameter blobs');
  });

  test('learning the statistics of BatchNorm is refused', () => {
    expect(() =>
      buildText(`${two}layer { name: "n" type: "BatchNorm" bottom: "x" top: "n" param { lr_mult: 1 } }`),
    ).toThrow('param 0 asks for lr_mult 1');
  });

  test('a blob of more than 2^31 - 1 elements is refused', () => {
    expect(() =>
      buildText(
        'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 65536 dim: 65536 } } }',
      ),
    ).toThrow('at most 2147483647 elements');
  });
});

describe('shapes given by the caller', () => {
  const net = parseText(
    'NetParameter',
    'layer { name: "d" type: "Data" top: "data" top: "label" }\nlayer { name: "r" type: "ReLU" bottom: "data" top: "r" }',
    { file: 'net.prototxt' },
  );
  const state = netState(net, { phase: 'TEST' });

  test('a data layer has the shapes of its data', () => {
    const given = new Map([['d', [[4, 3, 8, 8], [4]]]]);
    const { blobs } = buildNet(net, { layers: layerTypes, state, given });
    expect(blobs.map(({ name, shape }) => [name, shape])).toEqual([
      ['data', [4, 3, 8, 8]],
      ['label', [4]],
      ['r', [4, 3, 8, 8]],
    ]);
  });

  test('a data layer without them is refused with its line', () => {
    expect(() => buildNet(net, { layers: layerTypes, state })).toThrow(
      /^net\.prototxt:1: layer 'd' \(Data\)/,
    );
  });

  test('an Input layer takes other sizes', () => {
    const input = parseText(
      'NetParameter',
      'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 } } }',
    );
    const given = new Map([['in', [[7, 2]]]]);
    expect(
      buildNet(input, { layers: layerTypes, state: netState(input, { phase: 'TEST' }), given }).blobs[0]
        ?.shape,
    ).toEqual([7, 2]);
  });
});

describe('solverNetState', () => {
  test("the net's own state overrides the phase, and train_state that; stages add up", () => {
    const net = parseText('NetParameter', 'state { phase: TEST level: 2 stage: "a" }');
    expect(solverNetState(net, 'TRAIN')).toMatchObject({ phase: 'TEST', level: 2, stage: ['a'] });
    const extra = parseText('NetState', 'level: 3 stage: "b"');
    expect(solverNetState(net, 'TRAIN', extra)).toMatchObject({ phase: 'TEST', level: 3, stage: ['a', 'b'] });
    expect(solverNetState(parseText('NetParameter', ''), 'TRAIN')).toMatchObject({ phase: 'TRAIN' });
  });
});
