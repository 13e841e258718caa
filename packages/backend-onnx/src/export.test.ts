import { lstat, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  tversky,
  type Loss,
  type OperandSpecs,
  type Tensor,
} from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from './graph/index.js';
import { addLoss, exportLoss, toOnnx, type ExportOptions } from './index.js';
import { openSession, type HostTensor } from './runtime/index.js';
import { losses, randomTensor, worstUlp } from './testing.js';

async function run(
  loss: Loss,
  signature: OperandSpecs,
  operands: Record<string, Tensor>,
  options: ExportOptions = {},
): Promise<Record<string, HostTensor>> {
  await using session = await openSession(toOnnx(loss, signature, options), { provider: 'cpu', threads: 1 });
  return session.run(operands as Record<string, HostTensor>);
}

function bits(shape: readonly number[], seed: number): Tensor<'uint8'> {
  return tensor(
    Uint8Array.from(randomTensor(shape, seed).data, (value) => Number(value > 0.3)),
    shape,
  );
}

describe('a loss in a graph', () => {
  test.each(['cpu', 'webgpu'] as const)(
    'gives the gradient of what comes before it, in the form for %s',
    async (provider) => {
      const [n, k, c] = [4, 3, 5];
      const x = randomTensor([n, k], 1, -1, 1);
      const w = randomTensor([k, c], 2, -1, 1);
      const targets = randomTensor([n, c], 3);
      const weights = randomTensor([n], 4, 0.5, 2);
      const loss = softmaxCrossEntropy({ reduction: 'mean-weight' });
      const g = new GraphBuilder();
      const matrix = g.input('w', 'float32', [k, c]);
      const logits = g.matMul(g.constant('float32', x.data, [n, k]), matrix);
      const nodes = addLoss(
        g,
        loss,
        {
          logits,
          targets: g.input('targets', 'float32', [n, c]),
          weights: g.input('weights', 'float32', [n]),
        },
        { provider, upstream: g.input('upstream', 'float32', []) },
      );
      g.output('logits', logits);
      g.output('loss', nodes.loss);
      g.output(
        'dw',
        g.matMul(g.transpose(g.constant('float32', x.data, [n, k])), nodes.gradients['logits']!),
      );
      await using session = await openSession(g.toBytes(), { provider: 'cpu', threads: 1 });
      const got = await session.run({
        w,
        targets,
        weights,
        upstream: { dtype: 'float32', shape: [], data: Float32Array.of(3) },
      } as Record<string, HostTensor>);
      const operands = { logits: got['logits'] as Tensor, targets, weights };
      const want = referenceLoss(loss, operands, { gradients: ['logits'], upstream: 3 });
      expect(Number(got['loss']!.data[0]) / (want.value as number)).toBeCloseTo(1, 6);
      const dLogits = want.gradients['logits']!;
      for (let i = 0; i < k; i++) {
        for (let j = 0; j < c; j++) {
          let sum = 0;
          for (let row = 0; row < n; row++) sum += x.data[row * k + i]! * dLogits[row * c + j]!;
          expect(Number(got['dw']!.data[i * c + j])).toBeCloseTo(sum, 6);
        }
      }
    },
  );

  test('needs to know the sizes of its operands', () => {
    const g = new GraphBuilder();
    const logits = g.input('logits', 'float32', ['n', 3]);
    expect(() => addLoss(g, softmaxCrossEntropy(), { logits, targets: logits })).toThrow(
      "the sizes of 'logits' are not all known",
    );
  });
});

describe('a loss as a model', () => {
  test.each(losses)('%s: loss and gradients as outputs', async (_, loss, prediction) => {
    const shape = [3, 5, 7, 4];
    const operands = {
      [prediction]: prediction === 'logits' ? randomTensor(shape, 1, -6, 6) : randomTensor(shape, 1),
      targets: randomTensor(shape, 2),
    };
    const gradients = [prediction, 'targets'];
    const got = await run(loss, operands, operands, { gradients });
    const want = referenceLoss(loss, operands, { gradients });
    expect(got['loss']!.shape).toEqual(want.rowShape);
    expect(worstUlp(got['loss']!.data as Float32Array, want.rows, want.scales.rows)).toBeLessThan(8);
    for (const name of gradients) {
      const gradient = got[`gradient_${name}`]!;
      expect(gradient.shape).toEqual(shape);
      expect(
        worstUlp(gradient.data as Float32Array, want.gradients[name]!, want.scales.gradients[name]!),
      ).toBeLessThan(8);
    }
  });

  const reductions = ['sum', 'mean', 'mean-valid', 'mean-batch', 'mean-weight'] as const;

  test.each(reductions)(
    'takes any batch with reduction %s, weights and masks included',
    async (reduction) => {
      const shape = [3, 4, 5, 2];
      const signature = {
        logits: { dtype: 'float32', shape },
        targets: { dtype: 'float32', shape },
        weights: { dtype: 'float32', shape: [3, 1, 5, 1] },
        mask: { dtype: 'uint8', shape: [5, 2] },
      } as const;
      for (const loss of [
        sigmoidCrossEntropy({ reduction }),
        softmaxCrossEntropy({ reduction }),
        tversky({ reduction }),
      ]) {
        const isRegion = loss.kind === 'tversky';
        const weights = isRegion ? [3, 4] : signature.weights.shape;
        const specs = { ...signature, weights: { dtype: 'float32', shape: weights } } as const;
        const bytes = toOnnx(loss, specs, { batch: 'dynamic' });
        await using session = await openSession(bytes, { provider: 'cpu', threads: 1 });
        for (const batch of [1, 3, 7]) {
          const operands = {
            logits: randomTensor([batch, 4, 5, 2], batch, -5, 5),
            targets: randomTensor([batch, 4, 5, 2], batch + 20),
            weights: randomTensor([batch, ...weights.slice(1)], batch + 40),
            mask: bits([5, 2], batch + 60),
          };
          const got = await session.run(operands as Record<string, HostTensor>);
          const want = referenceLoss(loss, operands, { gradients: ['logits'] });
          expect(got['loss']!.shape).toEqual([]);
          expect(Number(got['loss']!.data[0]) / (want.value as number)).toBeCloseTo(1, 6);
          const gradient = got['gradient_logits']!;
          expect(gradient.shape).toEqual([batch, 4, 5, 2]);
          expect(
            worstUlp(
              gradient.data as Float32Array,
              want.gradients['logits']!,
              want.scales.gradients['logits']!,
            ),
          ).toBeLessThan(12);
        }
      }
    },
  );

  test('reads uint8 targets and class labels, with class weights, in the shapes that sessions take', async () => {
    const logits = randomTensor([2, 3, 4], 1, -3, 3);
    for (const targets of [
      tensor(
        Uint8Array.from({ length: 24 }, (_, i) => (i * 37) % 256),
        [2, 3, 4],
      ),
      tensor(
        Int32Array.from({ length: 8 }, (_, i) => (i * 5) % 3),
        [2, 4],
      ),
      tensor(
        Int32Array.from({ length: 8 }, (_, i) => (i * 5) % 3),
        [2, 1, 4],
      ),
    ]) {
      const loss = softmaxCrossEntropy({ classWeights: [1, 2, 0.5] });
      const got = await run(loss, { logits, targets }, { logits, targets });
      const want = referenceLoss(loss, { logits, targets });
      expect(Number(got['loss']!.data[0]) / (want.value as number)).toBeCloseTo(1, 6);
    }
  });

  test('nothing valid gives loss 0 and gradient 0; invalid targets are counted', async () => {
    const logits = randomTensor([4], 1);
    const targets = tensor(Float32Array.of(0.5, 2, NaN, -1), [4]);
    const loss = sigmoidCrossEntropy({ reduction: 'mean-valid', validate: 'count' });
    const none = tensor(new Uint8Array(4), [4]);
    const empty = await run(loss, { logits, targets, mask: none }, { logits, targets, mask: none });
    expect(Array.from(empty['gradient_logits']!.data, Number)).toEqual([0, 0, 0, 0]);
    expect([empty['loss']!.data[0], empty['invalid']!.data[0]]).toEqual([0, 0n]);
    const all = await run(loss, { logits, targets }, { logits, targets });
    expect(all['invalid']!.data[0]).toBe(3n);
  });

  test('is written whole or not at all', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'softxent-export-'));
    try {
      const file = path.join(folder, 'loss.onnx');
      const spec = { dtype: 'float32', shape: [2, 3] } as const;
      const signature = { logits: spec, targets: spec };
      await exportLoss(file, sigmoidCrossEntropy(), signature, { gradients: [] });
      expect(new Uint8Array(await readFile(file))).toEqual(
        toOnnx(sigmoidCrossEntropy(), signature, { gradients: [] }),
      );
      await expect(exportLoss(folder, sigmoidCrossEntropy(), signature)).rejects.toThrow(
        /EISDIR|ENOTEMPTY|rename/,
      );
      expect(await readdir(folder)).toEqual(['loss.onnx']);
      // A link stays one, and what it leads to is written; so is a device.
      await symlink('loss.onnx', path.join(folder, 'link'));
      await symlink('/dev/null', path.join(folder, 'device'));
      for (const name of ['link', 'device']) {
        await exportLoss(path.join(folder, name), softmaxCrossEntropy(), signature);
        expect((await lstat(path.join(folder, name))).isSymbolicLink()).toBe(true);
      }
      expect(new Uint8Array(await readFile(file))).toEqual(toOnnx(softmaxCrossEntropy(), signature));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a dynamic batch that cannot be told apart is refused', () => {
    const spec = { dtype: 'float32', shape: [1, 3] } as const;
    const signature = { logits: spec, targets: spec };
    expect(() => toOnnx(sigmoidCrossEntropy(), signature, { batch: 'dynamic' })).toThrow('has another size');
    const turned = { dtype: 'float32', shape: [3, 2] } as const;
    const loss = softmaxCrossEntropy({ axis: 0 });
    expect(() => toOnnx(loss, { logits: turned, targets: turned }, { batch: 'dynamic' })).toThrow(
      'first axis reduced',
    );
  });
});
