import {
  CapabilityError,
  dice,
  open,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  type Loss,
  type Session,
  type Tensor,
} from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAdapter } from './adapter.js';
import { webgpu } from './index.js';
import { deviation, operandsOf, tuned } from './testing/backends.js';
import { combineAccumulators, combineTotals } from './wgsl/combine.js';

/** What was merged with what, in which order: the text of the combination, carried out for the threads 0 to 63. */
function mergesOf(lanes: 0 | 4 | 8 | 16 | 32 | 64): string {
  const own = Array.from({ length: 64 }, (_, lane) => String(lane));
  const memory = new Map<number, string>();
  let begin = 0;
  /** An index such as `begin + 3u`, `64u + lane / 8u`. */
  const index = (text: string, lane: number): number => {
    let sum = 0;
    for (const term of text.split(' + ')) {
      const [factor, operator, other] = term.split(' ');
      const value =
        factor === 'lane' ? lane : factor === 'begin' ? begin : Number.parseInt(factor as string, 10);
      sum +=
        operator === '*'
          ? value * Number.parseInt(other as string, 10)
          : operator === '/'
            ? value / Number.parseInt(other as string, 10)
            : value;
    }
    return sum;
  };
  const value = (text: string, lane: number): string =>
    text
      .replaceAll('sx_merge', '')
      .replaceAll(/subgroupShuffleDown\(a0, (\d+)u\)/g, (_, step) => own[lane + Number(step)] ?? '?')
      .replaceAll('a0', () => own[lane] as string)
      .replaceAll(/lanes\[([^\]]+)\]/g, (_, at: string) => memory.get(index(at, lane)) ?? '?');
  let guard: (lane: number) => boolean = () => true;
  let origin = '';
  for (const line of combineAccumulators([{ op: 'sum', k: 0 }], 0, lanes, () => undefined)) {
    const [, target, at, expression] = /^(a0|lanes\[(.+?)\]) = (.*);$/.exec(line) ?? [];
    const active = own.map((_, lane) => lane).filter((lane) => guard(lane));
    if (line === '}' || line === 'workgroupBarrier();') guard = () => true;
    else if (line.startsWith('if (lane < ')) {
      const count = Number.parseInt(line.slice('if (lane < '.length), 10);
      guard = (lane) => lane < count;
    } else if (line.startsWith('if (lane % ')) {
      const every = Number.parseInt(line.slice('if (lane % '.length), 10);
      guard = (lane) => lane % every === 0;
    } else if (line.startsWith('let begin = ')) origin = line.slice('let begin = '.length, -1);
    else if (target !== undefined && expression !== undefined) {
      const results = active.map((lane) => {
        if (origin !== '') begin = index(origin, lane);
        return { lane, place: at === undefined ? -1 : index(at, lane), result: value(expression, lane) };
      });
      for (const { lane, place, result } of results) {
        if (place < 0) own[lane] = result;
        else memory.set(place, result);
      }
    } else throw new Error(`the test does not know: ${line}`);
  }
  expect(new Set(own).size).toBe(1);
  return own[0] as string;
}

describe('what a workgroup adds up', () => {
  it('is one binary tree over its threads, whoever passes the numbers', () => {
    const tree = (from: number, count: number): string =>
      count === 1 ? String(from) : `(${tree(from, count / 2)}, ${tree(from + count / 2, count / 2)})`;
    for (const lanes of [0, 4, 8, 16, 32, 64] as const) expect(mergesOf(lanes)).toBe(tree(0, 64));
  });

  it('asks nobody beyond the lanes that every subgroup has', () => {
    for (const lanes of [4, 8, 16, 32, 64] as const) {
      const text = combineTotals(2, 3, lanes, () => undefined).join('\n');
      const steps = [...text.matchAll(/subgroupShuffleDown\(t\d, (\d+)u\)/g)].map(([, step]) => Number(step));
      expect(Math.max(...steps)).toBe(lanes / 2);
    }
  });
});

const adapter = await findAdapter({});
const reason = adapter.features.has('subgroups') ? '' : 'the adapter has no subgroups';

describe(`subgroups and workgroup memory${reason && ` (skipped: ${reason})`}`, () => {
  let lanes: Session;
  let memory: Session;
  beforeAll(async () => {
    if (reason) return;
    lanes = await open(tuned({ isSoftware: false, subgroups: true }));
    memory = await open(tuned({ isSoftware: false }));
  });
  afterAll(async () => {
    if (reason) return;
    await lanes.dispose();
    await memory.dispose();
  });

  /** What each of several runs gave, with subgroups and without. */
  async function all(loss: Loss, operands: Readonly<Record<string, Tensor>>): Promise<unknown[]> {
    return [
      await lanes.valueAndGrad(loss, operands),
      await lanes.valueAndGrad(loss, operands),
      await memory.valueAndGrad(loss, operands),
    ];
  }

  it.skipIf(reason)('are used where they are asked for', async () => {
    const device = await tuned({ isSoftware: false, subgroups: true }).open();
    expect(await device.subgroupLanes()).toBeGreaterThan(0);
    await device.dispose();
    const session = await open(webgpu({ subgroups: true }));
    await session.dispose();
  });

  it.skipIf(reason)('give the same bits, and the right ones', async () => {
    const cases: readonly [Loss, readonly number[]][] = [
      [sigmoidCrossEntropy(), [3, 37, 41]],
      [softmaxCrossEntropy(), [5, 200]],
      [dice(), [1, 90, 91]],
    ];
    for (const [loss, shape] of cases) {
      const operands = operandsOf(shape);
      const [first, second, other] = await all(loss, operands);
      expect(second).toEqual(first);
      expect(other).toEqual(first);
      expect(await deviation(lanes, loss, operands)).toBeLessThanOrEqual(1);
    }
  });

  it.skipIf(reason)('let infinities and NaN through, to their own rows only', async () => {
    const { logits, targets } = operandsOf([6, 200]);
    const at = (row: number, column: number): number => row * 200 + column;
    logits.data[at(1, 77)] = NaN;
    logits.data[at(2, 3)] = -Infinity;
    logits.data[at(3, 199)] = Infinity;
    targets.data[at(4, 130)] = NaN;
    targets.data.fill(0, at(3, 0), at(4, 0));
    targets.data[at(3, 199)] = 1;
    const loss = softmaxCrossEntropy({ reduction: 'none' });
    const [first, second, other] = await all(loss, { logits, targets });
    expect(second).toEqual(first);
    expect(other).toEqual(first);
    const { data } = (first as { value: Tensor }).value;
    // A class that is impossible and has a target costs infinitely much; one that is certain and right costs nothing.
    expect([...data].map((x) => (Number.isFinite(x) ? (x === 0 ? 0 : 1) : x))).toEqual([
      1,
      NaN,
      Infinity,
      0,
      NaN,
      1,
    ]);
    const [sum, , same] = await all(sigmoidCrossEntropy({ reduction: 'sum' }), {
      logits: tensor(logits.data.subarray(400, 800)),
      targets: tensor(targets.data.subarray(400, 800)),
    });
    expect((sum as { value: number }).value).toBe(Infinity);
    expect(same).toEqual(sum);
  });
});

describe('a device without subgroups', () => {
  it('is refused where they are asked for', async () => {
    const plain = await (await findAdapter({})).requestDevice();
    const opening = webgpu({ device: plain, subgroups: true }).open();
    await expect(opening).rejects.toThrow(CapabilityError);
    await expect(opening).rejects.toThrow(/subgroups/);
    plain.destroy();
  });
});
