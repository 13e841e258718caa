import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { decodeMessage } from '../binary/decode.js';
import { layerTypes } from '../layers/index.js';
import { buildNet } from '../net/build.js';
import { netState } from '../net/state.js';
import { clone, create } from '../schema/message.js';
import { Engine } from './engine.js';

interface Published {
  readonly layers: readonly {
    readonly name: string;
    readonly type: string;
    readonly bottoms: readonly string[];
    readonly tops: readonly string[];
  }[];
  readonly blobs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
  }[];
}

const path = (file: string): string =>
  fileURLToPath(new URL(`../../fixtures/published/${file}`, import.meta.url));

test.for(['det1', 'det2'])('the published weights of %s give every blob that Caffe gives', async (name) => {
  const expected = JSON.parse(readFileSync(path(`${name}.json`), 'utf8')) as Published;
  const bytes = readFileSync(path(`${name}.f32`));
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const weights = decodeMessage('NetParameter', readFileSync(path(`${name}.caffemodel`)));
  const stored = new Map(weights.layer.map((layer) => [layer.name.toLowerCase(), layer]));
  const [data] = expected.blobs;
  const deploy = create('NetParameter', {
    layer: expected.layers.map((layer) => {
      const known = stored.get(layer.name.toLowerCase());
      const message = known ? clone(known) : create('LayerParameter', { name: layer.name, type: layer.type });
      message.bottom = layer.bottoms;
      message.top = layer.tops;
      message.include = [];
      if (layer.type === 'Input') {
        message.input_param = create('InputParameter', { shape: [{ dim: data!.shape.map(BigInt) }] });
      }
      return message;
    }),
  });
  const net = buildNet(deploy, { layers: layerTypes, state: netState(deploy, { phase: 'TEST' }) });
  await using engine = new Engine(net, { threads: 1 });
  for (const [i, { param }] of net.learnable.entries()) {
    const { layer, position } = net.params[param]!;
    engine.params[i]!.set(stored.get(net.layers[layer]!.name.toLowerCase())!.blobs[position]!.data);
  }
  const at = (offset: number, shape: readonly number[]): Float32Array<ArrayBuffer> =>
    floats.slice(offset, offset + shape.reduce((product, size) => product * size, 1));
  const blobs = expected.blobs.map((blob) => blob.name);
  const pass = await engine.forward({ data: at(0, data!.shape) }, { blobs });
  const found = Object.fromEntries(blobs.map((blob) => [blob, pass.blobs.get(blob)!.shape]));
  expect(found).toEqual(Object.fromEntries(expected.blobs.map((blob) => [blob.name, blob.shape])));
  const worst = expected.blobs.map((blob) => {
    const wanted = at(blob.offset, blob.shape);
    const { data: values } = pass.blobs.get(blob.name)!;
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!) / largest), 0);
  });
  expect(Math.max(...worst)).toBeLessThan(1e-5);
});
