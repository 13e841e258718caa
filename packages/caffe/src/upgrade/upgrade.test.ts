import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../binary/decode.js';
import { encodeMessage } from '../binary/encode.js';
import { sourceOf } from '../schema/message.js';
import type { SolverParameterSolverType } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { printText } from '../text/print.js';
import { SOLVER_TYPES, V1_LAYER_TYPES } from './names.js';
import { netGeneration, netUpgrades, upgradeNet, upgradeSolver } from './upgrade.js';

const read = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));
const cases = JSON.parse(read('upgrade/expected.json').toString()) as Record<
  string,
  { input: string; exit: number; printed?: string; caffe?: string }
>;
const names = JSON.parse(read('upgrade/names.json').toString()) as {
  v1LayerTypes: Record<string, string>;
  solverTypes: Record<string, string>;
};
const accepted = Object.entries(cases).flatMap(([name, { input, printed }]) =>
  printed === undefined ? [] : [{ name, input, printed }],
);
const refused = Object.entries(cases).flatMap(([name, { input, caffe }]) =>
  caffe === undefined ? [] : [{ name, input, caffe }],
);

describe('upgradeNet', () => {
  test('the fixtures hold both kinds', () => {
    expect(accepted.length + refused.length).toBe(Object.keys(cases).length);
    expect(refused.length).toBeGreaterThan(0);
  });

  test.each(accepted)('$name becomes what Caffe makes of it', ({ input, printed }) => {
    const net = parseText('NetParameter', input);
    const before = printText(net);
    expect(printText(upgradeNet(net))).toBe(printed);
    expect(printText(net)).toBe(before);
  });

  test.each(accepted)('$name: what comes out needs nothing more', ({ input }) => {
    const net = upgradeNet(parseText('NetParameter', input));
    // Caffe looks at the count only, so three frozen parameters are "upgraded" again, to the same.
    expect(netUpgrades(net).filter((what) => what !== 'BatchNorm parameters')).toEqual([]);
    expect(printText(upgradeNet(net))).toBe(printText(net));
  });

  test.each(accepted)('$name: binary files are upgraded in the same way', ({ input, printed }) => {
    const net = decodeMessage('NetParameter', encodeMessage(parseText('NetParameter', input)));
    expect(printText(upgradeNet(net))).toBe(printed);
  });

  test.each(refused)('$name is refused: $caffe', ({ input, caffe }) => {
    const type = /: (\w+)$/.exec(caffe)?.[1] ?? '';
    const run = () => upgradeNet(parseText('NetParameter', input, { file: 'old.prototxt' }));
    expect(run).toThrow(`'${type}' is not a layer type of the V0 format`);
    expect(run).toThrow(/^old\.prototxt:3: layer 'l' \(conf\)/);
  });

  test('the same weights come out of three generations', () => {
    const eras = ['era-v0', 'era-v1', 'era-v2'].map((name) => {
      const net = decodeMessage('NetParameter', read(`interop/${name}.caffemodel`));
      return { generation: netGeneration(net), net: upgradeNet(net) };
    });
    expect(eras.map(({ generation }) => generation)).toEqual(['V0', 'V1', 'V2']);
    const weights = eras.map(({ net }) =>
      net.layer
        .filter((layer) => layer.blobs.length > 0)
        .map(({ name, blobs }) => [name, blobs.map(({ data }) => data)]),
    );
    expect(weights[0]).toEqual(weights[2]);
    expect(weights[1]).toEqual(weights[2]);
    expect(weights[2]?.map(([name]) => name)).toEqual(['conv1', 'ip1']);
  });

  test('the prototxts of three generations describe the same layers', () => {
    const layers = ['era-v0', 'era-v1', 'era-v2'].map((name) =>
      upgradeNet(parseText('NetParameter', read(`interop/${name}.prototxt`))).layer.map(
        ({ type, bottom, top }) => [type, bottom, top],
      ),
    );
    expect(layers[0]).toEqual(layers[1]);
    expect(layers[0]?.map(([type]) => type)).toEqual(layers[2]?.map(([type]) => type));
  });

  test('upgraded layers still know their line', () => {
    const net = upgradeNet(
      parseText('NetParameter', '\nlayers { name: "r" type: RELU bottom: "a" top: "a" }', { file: 'x' }),
    );
    expect(net.layer.map((layer) => sourceOf(layer)?.line)).toEqual([2]);
  });

  test('a V0 field that its layer type has no place for is a warning', () => {
    const warnings: string[] = [];
    upgradeNet(parseText('NetParameter', 'layers { layer { name: "r" type: "relu" num_output: 3 } }'), {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toEqual(["layer 'r': the V0 type relu has no place for num_output; it is dropped"]);
  });

  test('layer and layers in one net are refused', () => {
    const text = 'layer { name: "a" type: "ReLU" }\nlayers { name: "b" type: RELU }';
    expect(() => upgradeNet(parseText('NetParameter', text, { file: 'x' }))).toThrow(
      /^x:1: layer 'a' .*'layer' and 'layers'/,
    );
  });

  test('fewer dimensions than inputs are refused', () => {
    expect(() =>
      upgradeNet(parseText('NetParameter', 'input: "a" input: "b" input_dim: [1, 2, 3, 4]')),
    ).toThrow('2 input fields and 4 of input_dim, where 8 are needed');
  });
});

describe('names', () => {
  test('V1 layer types have the names that Caffe gives them', () => {
    expect(V1_LAYER_TYPES).toEqual(names.v1LayerTypes);
  });

  const { both, ...types } = names.solverTypes;

  test.each(Object.entries(types))('solver_type %s becomes type %s', (old, type) => {
    const solver = upgradeSolver(parseText('SolverParameter', `solver_type: ${old}`));
    expect(printText(solver)).toBe(`type: "${type}"\n`);
    expect(SOLVER_TYPES[old as SolverParameterSolverType]).toBe(type);
  });

  test('both solver fields are refused, as Caffe refuses them', () => {
    expect(both).toContain('cannot be both specified');
    expect(() => upgradeSolver(parseText('SolverParameter', 'solver_type: ADAM type: "SGD"'))).toThrow(
      'both solver_type (ADAM, the old field) and type ("SGD")',
    );
  });

  test('a solver of today is left as it is', () => {
    const solver = parseText('SolverParameter', 'type: "Adam"');
    expect(upgradeSolver(solver)).toBe(solver);
  });
});
