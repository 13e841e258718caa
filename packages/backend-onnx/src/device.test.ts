import { readFile } from 'node:fs/promises';
import {
  float16,
  numberToFloat16,
  open,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  tversky,
  type DType,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { makePlan } from '@softxent/core/plan';
import { referenceLoss } from '@softxent/core/reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TRAITS } from './dialects.js';
import { onnx, type Provider } from './index.js';
import { planGraph } from './render/plan.js';
import { losses, randomTensor, reasonToSkip, worstUlp } from './testing.js';

interface Outcome {
  readonly value: number | Tensor;
  readonly gradients: Readonly<Record<string, Tensor>>;
}

const providers = ['cpu', 'wasm', 'webgpu', 'cuda'] as const;
const reasons = await Promise.all(providers.map(reasonToSkip));
const missing = providers.flatMap((provider, i) => (reasons[i] === '' ? [] : [[provider, reasons[i]]]));

describe.each(providers.filter((_, i) => reasons[i] === ''))('on %s', (provider) => {
  holdToPromises(provider);
});
test.skip.each(missing)('every promise on %s%s', () => expect.unreachable());

function holdToPromises(provider: Provider): void {
  let session: Session;
  beforeAll(async () => {
    session = await open(onnx({ provider, threads: 1 }));
  });
  afterAll(() => session.dispose());

  /** The worst error of values and gradients against the reference, in float32 ulp. */
  async function errorOf(
    loss: Loss,
    operands: Record<string, Tensor>,
    gradients: readonly string[],
  ): Promise<number> {
    const want = referenceLoss(loss, operands, { gradients });
    const got = (await session.valueAndGrad(loss, operands, { gradients })) as unknown as Outcome;
    const errors = gradients.map((name) =>
      worstUlp(got.gradients[name]!.data, want.gradients[name]!, want.scales.gradients[name]!),
    );
    if (typeof got.value === 'number') errors.push(worstUlp([got.value], [want.value as number], [0]));
    else errors.push(worstUlp(got.value.data, want.rows, want.scales.rows));
    return Math.max(...errors);
  }

  test.each(losses)('%s is right to 8 ulp', async (_, loss, prediction) => {
    const shape = [3, 5, 7, 4];
    const operands = {
      [prediction]: prediction === 'logits' ? randomTensor(shape, 1, -6, 6) : randomTensor(shape, 1),
      targets: randomTensor(shape, 2),
    };
    expect(await errorOf(loss, operands, [prediction, 'targets'])).toBeLessThan(8);
  });

  const logits = tensor(Float32Array.of(NaN, Infinity, -Infinity, 1e4, -87, -20, 0, 88), [8]);
  const targets = tensor(Float32Array.of(0, 1, 0.5, 0.999999, 0, 0, 0.25, 0), [8]);

  test('infinite, huge and missing logits give their limits, and confident ones keep their digits', async () => {
    const loss = sigmoidCrossEntropy({ reduction: 'none' });
    expect(await errorOf(loss, { logits, targets }, ['logits', 'targets'])).toBeLessThan(4);
  });

  test('masked elements give exactly 0, whatever they hold', async () => {
    const mask = tensor(Uint8Array.of(0, 0, 0, 1, 1, 1, 1, 1), [8]);
    const { value, gradients, divisor } = await session.valueAndGrad(
      sigmoidCrossEntropy({ reduction: 'mean-valid' }),
      {
        logits,
        targets: tensor(Float32Array.of(NaN, NaN, NaN, 1, 0, 0, 1, 0), [8]),
        mask,
      },
    );
    expect(divisor).toBe(5);
    expect(value).toBeCloseTo((Math.LN2 + 88) / 5, 6);
    expect(Array.from(gradients.logits.data.subarray(0, 3))).toEqual([0, 0, 0]);
  });

  test.each<[string, Loss, readonly number[], readonly number[]]>([
    ['one for all', sigmoidCrossEntropy(), [], [1, 1, 1, 1]],
    ['one an image', sigmoidCrossEntropy(), [4, 1, 1, 1], [4, 1, 1, 1]],
    ['one a channel', sigmoidCrossEntropy(), [3, 1, 1], [1, 3, 1, 1]],
    ['one a row and a column', sigmoidCrossEntropy(), [4, 1, 5, 1], [6]],
    ['one a pixel', softmaxCrossEntropy(), [4, 5, 6], [4, 5, 6]],
    ['one a row of the image', softmaxCrossEntropy(), [5, 1], [4, 1, 5, 1]],
    ['one an image and a column', softmaxCrossEntropy(), [4, 1, 6], [6]],
    ['one a region, masks by the pixel', tversky(), [4, 3], [4, 1, 5, 6]],
    ['one a class, masks by the row', tversky(), [3], [5, 1]],
  ])('weights and masks broadcast: %s', async (_, loss, weights, mask) => {
    const shape = [4, 3, 5, 6];
    const bits = Uint8Array.from(randomTensor(mask, 5).data, (value) => Number(value > 0.3));
    const operands = {
      logits: randomTensor(shape, 3, -3, 3),
      targets: randomTensor(shape, 4),
      weights: randomTensor(weights, 6, 0.5, 2),
      mask: tensor(bits, mask),
    };
    // A sum of 360 float32 terms, divided: its error is that of the terms.
    expect(await errorOf(loss, operands, ['logits', 'targets'])).toBeLessThan(16);
  });

  const { floats } = TRAITS[provider];
  const soft = randomTensor([2, 3, 4], 8);
  const stored: Partial<Record<DType, Tensor>> = {
    float64: tensor(Float64Array.from(soft.data), [2, 3, 4]),
    float32: soft,
    float16: float16(Uint16Array.from(soft.data, numberToFloat16), [2, 3, 4]),
    uint8: tensor(
      Uint8Array.from(soft.data, (value) => value * 255),
      [2, 3, 4],
    ),
    int32: tensor(
      Int32Array.from({ length: 8 }, (_, i) => (i * 5) % 3),
      [2, 4],
    ),
  };

  test.each<DType>([...floats, 'uint8', 'int32'])('%s targets are read', async (dtype) => {
    const operands = { logits: randomTensor([2, 3, 4], 7, -4, 4), targets: stored[dtype]! };
    expect(await errorOf(softmaxCrossEntropy({ reduction: 'none' }), operands, ['logits'])).toBeLessThan(4);
  });

  const refused = (['float64', 'float16'] as const).filter((dtype) => !floats.includes(dtype));

  test.each(refused)('%s is refused: the provider has no kernels for it', async (dtype) => {
    const other = stored[dtype]!;
    await expect(
      session.value(softmaxCrossEntropy(), { logits: soft, targets: other }),
    ).rejects.toMatchObject({
      code: 'CAPABILITY',
      backend: `onnx-${provider}`,
    });
    await expect(
      session.value(softmaxCrossEntropy(), { logits: other, targets: soft }),
    ).rejects.toMatchObject({ code: 'CAPABILITY' });
  });

  test.each(floats.filter((dtype) => dtype === 'float64'))('%s logits keep 52 bits', async () => {
    const x = tensor(Float64Array.of(-40, -0.1, 3, 700), [4]);
    const t = tensor(Float64Array.of(0, 0.3, 1 - 1e-12, 1), [4]);
    const loss = sigmoidCrossEntropy({ reduction: 'none' });
    const want = referenceLoss(loss, { logits: x, targets: t });
    const got = await session.valueAndGrad(loss, { logits: x, targets: t });
    const gradient = want.gradients['logits']!;
    expect(worstUlp(got.value.data, want.rows, want.scales.rows, 2 ** -52)).toBeLessThan(4);
    expect(
      worstUlp(got.gradients.logits.data, gradient, want.scales.gradients['logits']!, 2 ** -52),
    ).toBeLessThan(4);
  });

  test('the mean of many terms does not drift', async () => {
    const shape = [1 << 16];
    const operands = { logits: randomTensor(shape, 9, -20, 20), targets: randomTensor(shape, 10) };
    const want = referenceLoss(sigmoidCrossEntropy(), operands).value as number;
    const got = await session.value(sigmoidCrossEntropy(), operands);
    expect(Math.abs(got / want - 1)).toBeLessThan(1e-8);
  });

  test('a region of more than one block is summed whole', async () => {
    const shape = [2, 1, 70, 80];
    const operands = { logits: randomTensor(shape, 13, -3, 3), targets: randomTensor(shape, 14) };
    // float32 sums of 5600 numbers, where there is no float64, are off by a few ulp of their own.
    expect(await errorOf(tversky({ reduction: 'none' }), operands, ['logits'])).toBeLessThan(8);
  });

  test('results can stay on the device, and be read and reused there', async () => {
    const operands = { logits: randomTensor([6], 1, -2, 2), targets: randomTensor([6], 2) };
    const host = await session.valueAndGrad(sigmoidCrossEntropy(), operands);
    const held = await session.upload(operands.logits);
    const { gradients } = await session.valueAndGrad(
      sigmoidCrossEntropy(),
      { ...operands, logits: held },
      { results: 'device' },
    );
    const copy = await session.download(gradients.logits);
    expect(copy).toEqual(host.gradients.logits);
    held.free();
    gradients.logits.free();
  });
}

test('plans that differ in sizes alone give one graph, so that one session serves them', () => {
  const graphOf = (shape: readonly number[]): Uint8Array => {
    const specs = {
      logits: { dtype: 'float32', shape },
      targets: { dtype: 'int32', shape: [shape[0]!, ...shape.slice(2)] },
      weights: { dtype: 'float32', shape: shape.slice(2) },
    } as const;
    const { plan } = makePlan(softmaxCrossEntropy({ reduction: 'mean-weight' }), specs, {
      gradients: ['logits'],
    });
    return planGraph(plan, TRAITS.cpu.dialect).graph.toBytes();
  };
  expect(graphOf([2, 5, 6, 7])).toEqual(graphOf([9, 5, 64, 32]));
});

test('no loss is rendered with an operator that loses digits or NaN, or that README does not list', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const listed = new Set(Array.from(readme.matchAll(/^\| ([A-Z]\w+) \| \d+ \|/gm), ([, name]) => name));
  const used = new Set<string>();
  const shape = [2, 5, 70, 80];
  const weights = { dtype: 'float32', shape: [80] } as const;
  const mask = { dtype: 'uint8', shape: [2, 1, 1, 80] } as const;
  const sigmoid = sigmoidCrossEntropy({ reduction: 'mean-weight', validate: 'count', ignoreValue: NaN });
  for (const [, loss, prediction] of [...losses, ['', sigmoid, 'logits'] as const]) {
    const spec = { dtype: 'float32', shape } as const;
    const specs = { [prediction]: spec, targets: spec, ...(loss === sigmoid ? { weights, mask } : {}) };
    const { plan } = makePlan(loss, specs, { gradients: [prediction, 'targets'] });
    for (const { dialect } of Object.values(TRAITS)) {
      for (const name of Object.keys(planGraph(plan, dialect).graph.operatorCounts())) used.add(name);
    }
  }
  expect([...used].filter((name) => !listed.has(name))).toEqual([]);
  // Sqrt is there for losses of others.
  expect([...listed].filter((name) => !used.has(name!))).toEqual(['Sqrt']);
  for (const bad of [
    'Softplus',
    'Sigmoid',
    'LogSoftmax',
    'Softmax',
    'Relu',
    'Max',
    'Min',
    'ReduceMean',
    'Clip',
  ]) {
    expect(used).not.toContain(bad);
  }
});
