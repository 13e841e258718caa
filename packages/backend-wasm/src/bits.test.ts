import {
  open,
  openSync,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  type DataOf,
  type Loss,
} from '@softxent/core';
import { afterAll, describe, expect, it } from 'vitest';
import { sigmoidData, uniform } from './testing.js';
import { wasm } from './index.js';

const session = openSync(wasm());

function sameBits(a: DataOf, b: DataOf): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: DataOf) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}

it.each([1, 2, 3, 5, 7, 8, 9, 4095, 4097])(
  'an element gives the same bits wherever it stands: %i elements',
  (n) => {
    const { logits, targets } = sigmoidData(n + 8, 11);
    const loss = sigmoidCrossEntropy({ reduction: 'none' });
    const whole = session.valueAndGrad(loss, { logits: tensor(logits), targets: tensor(targets) });
    const part = session.valueAndGrad(loss, {
      logits: tensor(logits.slice(0, n)),
      targets: tensor(targets.slice(0, n)),
    });
    expect(sameBits(part.value.data, whole.value.data.slice(0, n))).toBe(true);
    expect(sameBits(part.gradients.logits.data, whole.gradients.logits.data.slice(0, n))).toBe(true);
  },
);

describe('any number of threads gives the same bits', () => {
  const next = uniform(13);
  const random = (shape: number[], scale: number) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tensor(
      Float32Array.from({ length: size }, () => next() * scale),
      shape,
    );
  };
  const cases: [string, Loss<'mean', 'logits'>, number[]][] = [
    ['sigmoid', sigmoidCrossEntropy(), [300_001]],
    ['planes', softmaxCrossEntropy(), [3, 21, 71, 67]],
    ['few planes', softmaxCrossEntropy(), [3, 2, 71, 67]],
    ['pairs', softmaxCrossEntropy({ axis: -1 }), [50_003, 2]],
    ['short lines', softmaxCrossEntropy({ axis: -1 }), [20_011, 5]],
    ['long lines', softmaxCrossEntropy({ axis: -1 }), [2_003, 150]],
  ];
  const opened = [1, 2, 3, 5].map((threads) => open(wasm({ threads })));
  afterAll(async () => {
    for (const each of opened) await (await each).dispose();
  });

  it.each(cases)('%s', async (_, loss, shape) => {
    const operands = { logits: random(shape, 20), targets: random(shape, 1 / shape[shape.length - 1]!) };
    const expected = session.valueAndGrad(loss, operands);
    for (const each of opened) {
      const result = await (await each).valueAndGrad(loss, operands);
      expect(result.value).toBe(expected.value);
      expect(sameBits(result.gradients.logits.data, expected.gradients.logits.data)).toBe(true);
    }
  });
});

describe('sums that hold infinite logits', () => {
  const n = 70_000;
  const { logits, targets } = sigmoidData(n, 21);
  const places = [0, 5, 32_768, 50_003, n - 1];
  const loss = sigmoidCrossEntropy({ reduction: 'sum' });

  it('count 0 for those that agree, and leave the gradients of their neighbours alone', () => {
    const changed = logits.slice();
    const agreeing = targets.slice();
    const finite = logits.slice();
    for (const [i, place] of places.entries()) {
      changed[place] = i % 2 === 0 ? Infinity : -Infinity;
      // Whose loss is 0 in float32.
      finite[place] = i % 2 === 0 ? 200 : -200;
      agreeing[place] = i % 2 === 0 ? 1 : 0;
    }
    const withInfinities = session.valueAndGrad(loss, { logits: tensor(changed), targets: tensor(agreeing) });
    const without = session.valueAndGrad(loss, { logits: tensor(finite), targets: tensor(agreeing) });
    expect(Math.abs(withInfinities.value / without.value - 1)).toBeLessThan(1e-7);
    expect(sameBits(withInfinities.gradients.logits.data, without.gradients.logits.data)).toBe(true);
  });

  it('are infinite where one disagrees and NaN where there is a NaN', () => {
    const changed = logits.slice();
    changed[50_003] = -Infinity;
    const operands = { logits: tensor(changed), targets: tensor(targets) };
    expect(session.value(loss, operands)).toBe(Infinity);
    changed[5] = NaN;
    expect(session.value(loss, operands)).toBe(NaN);
  });

  it('are right where gradients take the place of the logits', () => {
    const [logitsThere, targetsThere] = [session.upload(tensor(logits)), session.upload(tensor(targets))];
    const x = logitsThere.view()!;
    x[5] = Infinity;
    targetsThere.view()![5] = 1;
    const operands = { logits: logitsThere, targets: targetsThere };
    const expected = session.valueAndGrad(loss, operands);
    const inPlace = session.valueAndGrad(loss, operands, { into: { gradients: { logits: logitsThere } } });
    expect(Math.abs(inPlace.value / expected.value - 1)).toBeLessThan(1e-7);
    expect(sameBits(x, expected.gradients.logits.data)).toBe(true);
  });
});
