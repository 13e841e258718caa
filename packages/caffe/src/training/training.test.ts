import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Batch, BatchSource } from '../data/index.js';
import { LabelRangeError } from '../data/index.js';
import { CaffeNetError } from '../errors.js';
import { netState } from '../net/state.js';
import type { NetParameter } from '../schema/messages.js';
import { CaffeDivergedError } from '../solver/index.js';
import { parseText } from '../text/parse.js';
import type { OpenFeed, TrainingEvent } from './index.js';
import { DataNet, testNet, Trainer, withSnapshotPrefix } from './index.js';

const scratch = mkdtempSync(join(tmpdir(), 'softxent-training-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const threads = { threads: 1 };

/** Batches that a test gives, the last one over and over. */
function feeding(
  batches: readonly Readonly<Record<string, readonly [readonly number[], readonly number[]]>>[],
): OpenFeed {
  return (layer) => {
    let at = 0;
    const next = (): Batch => {
      const batch = batches[Math.min(at++, batches.length - 1)]!;
      return new Map(
        Object.entries(batch)
          .filter(([top]) => layer.top.includes(top))
          .map(([top, [shape, data]]) => [top, { shape, data: Float32Array.from(data) }]),
      );
    };
    const tops = new Map(Object.entries(batches[0]!).map(([top, [shape]]) => [top, shape]));
    const source: BatchSource = {
      tops,
      length: undefined,
      next: () => Promise.resolve(next()),
      skip: (count) => {
        at += count;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    return Promise.resolve(source);
  };
}

const netOf = (loss: string, x = 'dim: 2 dim: 3', t = 'dim: 2 dim: 3'): NetParameter =>
  parseText(
    'NetParameter',
    `layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { ${x} } shape { ${t} } } }
     layer { name: "scale" type: "Scale" bottom: "x" top: "y" scale_param { filler { value: 1 } } }
     layer { name: "loss" bottom: "y" bottom: "t" top: "loss" ${loss} }`,
    { file: 'net.prototxt' },
  );

const open = (param: NetParameter, feed: OpenFeed): Promise<DataNet> =>
  DataNet.open({ param, state: netState(param, { phase: 'TRAIN' }), engine: threads, feed, ahead: 0 });

const h = (t: number): number => -t * Math.log(t) - (1 - t) * Math.log(1 - t);

describe('the floor of the loss', () => {
  const logit = (t: number): number => Math.log(t / (1 - t));
  const soft = [0.5, 0.25, 0.75, 0.125, 0.5, 0.25];
  const sum = soft.reduce((total, t) => total + h(t), 0);

  test.for([
    ['FULL', 6],
    ['VALID', 6],
    ['BATCH_SIZE', 2],
    ['NONE', 1],
  ] as const)('is reached by the logits of the labels, divided as %s divides', async ([mode, by]) => {
    const loss = `type: "SigmoidCrossEntropyLoss" loss_weight: 3 loss_param { normalization: ${mode} }`;
    const feed = feeding([{ x: [[2, 3], soft.map(logit)], t: [[2, 3], soft] }]);
    await using net = await open(netOf(loss), feed);
    const pass = await net.engine.forward(await net.next());
    expect(net.floor).toBeCloseTo((3 * sum) / by, 6);
    expect(pass.loss).toBeCloseTo(net.floor!, 5);
  });

  test('of distributions is reached, too; of class labels it is 0', async () => {
    const rows = [0.5, 0.25, 0.25, 0.125, 0.75, 0.125];
    const feed = feeding([{ x: [[2, 3], rows.map(Math.log)], t: [[2, 3], rows] }]);
    await using net = await open(netOf('type: "SoftmaxWithLoss"'), feed);
    const pass = await net.engine.forward(await net.next());
    expect(net.floor).toBeGreaterThan(0.5);
    expect(pass.loss).toBeCloseTo(net.floor!, 5);
    const labels = feeding([{ x: [[2, 3], rows], t: [[2], [0, 2]] }]);
    await using hard = await open(netOf('type: "SoftmaxWithLoss"', 'dim: 2 dim: 3', 'dim: 2'), labels);
    await hard.next();
    expect(hard.floor).toBe(0);
  });

  /** `netOf` with layers that make the targets `made` of `t`. */
  const making = (layers: string, loss: string): NetParameter => {
    const param = netOf(loss);
    param.layer[2]!.bottom = ['y', 'made'];
    param.layer = [param.layer[0]!, ...parseText('NetParameter', layers).layer, ...param.layer.slice(1)];
    return param;
  };
  const halved =
    'layer { name: "half" type: "Power" bottom: "t" top: "made" power_param { scale: 0.5 shift: 0.25 } }';
  const rest = soft.map((t) => 0.5 * t + 0.25);

  test('is told where layers make the targets, in passes forward and backward', async () => {
    const param = making(halved, 'type: "SigmoidCrossEntropyLoss" loss_param { normalization: FULL }');
    await using net = await open(param, feeding([{ x: [[2, 3], rest.map(logit)], t: [[2, 3], soft] }]));
    const feeds = await net.next();
    const floor = rest.reduce((total, t) => total + h(t), 0) / 6;
    for (const pass of [await net.engine.forward(feeds), await net.engine.forwardBackward(feeds)]) {
      expect(net.floor).toBeCloseTo(floor, 6);
      expect(pass.loss).toBeCloseTo(floor, 5);
    }
  });

  test('is told where targets are cut, joined, added and read twice', async () => {
    const layers = `
      layer { name: "cut" type: "Slice" bottom: "t" top: "a" top: "b" slice_param { axis: 1 slice_point: 1 } }
      layer { name: "join" type: "Concat" bottom: "b" bottom: "a" top: "joined" }
      layer { name: "mean" type: "Eltwise" bottom: "joined" bottom: "t" top: "made" eltwise_param { operation: SUM coeff: 0.5 coeff: 0.5 } }
      layer { name: "also" type: "SigmoidCrossEntropyLoss" bottom: "x" bottom: "made" top: "also" loss_weight: 2 }`;
    const turned = [0.25, 0.75, 0.5, 0.5, 0.25, 0.125].map((t, i) => (t + soft[i]!) / 2);
    const param = making(layers, 'type: "SigmoidCrossEntropyLoss"');
    await using net = await open(param, feeding([{ x: [[2, 3], turned.map(logit)], t: [[2, 3], soft] }]));
    const pass = await net.engine.forwardBackward(await net.next());
    expect(net.floor).toBeCloseTo((3 * turned.reduce((total, t) => total + h(t), 0)) / 2, 6);
    expect(pass.loss).toBeCloseTo(net.floor!, 5);
  });

  test('counts labels that a layer changes in place', async () => {
    const layers = `layer { name: "in-place" type: "Power" bottom: "t" top: "t" power_param { scale: 0.00390625 } }
      layer { name: "made" type: "Power" bottom: "t" top: "made" }`;
    const param = making(layers, 'type: "SigmoidCrossEntropyLoss"');
    const bytes = soft.map((t) => 256 * t);
    await using net = await open(param, feeding([{ x: [[2, 3], soft.map(logit)], t: [[2, 3], bytes] }]));
    await net.engine.forward(await net.next());
    expect(net.floor).toBeCloseTo(sum / 2, 6);
    param.layer[4]!.bottom = ['y', 't'];
    await using direct = await open(param, feeding([{ x: [[2, 3], soft.map(logit)], t: [[2, 3], bytes] }]));
    await direct.engine.forward(await direct.next());
    expect(direct.floor).toBeCloseTo(sum / 2, 6);
  });

  test('made targets outside [0, 1] are refused, but for rounding', async () => {
    const scaled = (scale: number): NetParameter =>
      making(
        `layer { name: "p" type: "Power" bottom: "t" top: "made" power_param { scale: ${scale} } }`,
        'type: "SigmoidCrossEntropyLoss"',
      );
    const given = {
      x: [[2, 3], soft],
      t: [
        [2, 3],
        [0, 1, 0.5, 0, 0, 0],
      ],
    } as const;
    await using rounded = await open(scaled(1.000001), feeding([given]));
    await rounded.engine.forward(await rounded.next());
    expect(rounded.floor).toBeCloseTo(h(0.5) / 2, 5);
    await using net = await open(scaled(3), feeding([given]));
    const feeds = await net.next();
    await expect(net.engine.forwardBackward(feeds)).rejects.toThrow(
      "top 'made': 2 labels outside [0, 1], the first at [0, 1]: found 3",
    );
  });

  test.for([
    [
      'type: "SigmoidCrossEntropyLoss" loss_weight: -1',
      "layer 'loss' (SigmoidCrossEntropyLoss) has a negative",
    ],
    ['type: "Eltwise" loss_weight: 1', "layer 'loss' (Eltwise) has a loss weight, and its least value"],
  ] as const)('is not told for %s, with the reason', async ([loss, reason]) => {
    await using net = await open(netOf(loss), feeding([{ x: [[2, 3], soft], t: [[2, 3], soft] }]));
    await net.engine.forward(await net.next());
    expect(net.floor).toBeUndefined();
    expect(net.targets.unknown).toContain(reason);
  });
});

describe('the best constant prediction', () => {
  const soft = [0.5, 0.25, 0.75, 0.125, 0.5, 0.25];
  const other = [0, 1, 0.25, 0.5, 255, 0];

  /** The mean loss of a net over two batches, all of whose logits are `x`. */
  const lossOf = async (loss: string, targets: Parameters<typeof feeding>[0][0][string][], x: number[]) => {
    const feed = feeding(targets.map((t) => ({ x: [[2, 3], x], t })));
    await using net = await open(netOf(loss, undefined, t2(targets[0]![0])), feed);
    const run = testNet(net, 2);
    let result = await run.next();
    while (!result.done) result = await run.next();
    return result.value;
  };
  const t2 = (shape: readonly number[]): string => shape.map((size) => `dim: ${size}`).join(' ');

  test.for(['FULL', 'VALID', 'BATCH_SIZE', 'NONE'])(
    'of sigmoids has the least loss that one logit for all can have: %s',
    async (mode) => {
      const loss = `type: "SigmoidCrossEntropyLoss" loss_weight: 2 loss_param { normalization: ${mode} ignore_label: 255 }`;
      const targets = [
        [[2, 3], soft],
        [[2, 3], other],
      ] as [number[], number[]][];
      const at = (x: number) =>
        lossOf(
          loss,
          targets,
          Array.from({ length: 6 }, () => x),
        );
      const { constant } = await at(0);
      const losses = [];
      for (let x = -1.5; x <= 0.5; x += 0.02) losses.push((await at(x)).loss);
      const best = Math.min(...losses);
      expect(constant).toBeLessThanOrEqual(best + 1e-6);
      expect(best).toBeLessThan(constant! * 1.0001);
    },
  );

  test('of softmaxes is the mean of soft targets, or the shares of the classes', async () => {
    const rows = [0.5, 0.25, 0.25, 0.125, 0.75, 0.125];
    const mean = [0.3125, 0.5, 0.1875];
    const logits = [...mean, ...mean].map(Math.log);
    const loss = 'type: "SoftmaxWithLoss"';
    const distributions: [number[], number[]][] = [
      [[2, 3], rows],
      [[2, 3], rows],
    ];
    const mild = await lossOf(loss, distributions, logits);
    expect(mild.constant).toBeCloseTo(mild.loss, 6);
    const shares = [0.5, 0.25, 0.25].map(Math.log);
    const labels: [number[], number[]][] = [
      [[2], [0, 1]],
      [[2], [0, 2]],
    ];
    const hard = await lossOf(loss, labels, [...shares, ...shares]);
    expect(hard.constant).toBeCloseTo(hard.loss, 6);
  });

  test('is not told where other losses count', async () => {
    const found = await lossOf('type: "EuclideanLoss"', [[[2, 3], soft]], soft);
    expect(found.constant).toBeUndefined();
  });
});

describe('targets that cannot be', () => {
  const x = [0, 0, 0, 0, 0, 0];

  test('a probability outside [0, 1] or NaN is refused with its place, unless it is ignored', async () => {
    const t = [0, 1, 0.5, 0, 255, Number.NaN];
    const loss = 'type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: 255 }';
    await using net = await open(netOf(loss), feeding([{ x: [[2, 3], x], t: [[2, 3], t] }]));
    await expect(net.next()).rejects.toThrow(LabelRangeError);
    await using again = await open(netOf(loss), feeding([{ x: [[2, 3], x], t: [[2, 3], t] }]));
    await expect(again.next()).rejects.toThrow(
      "top 't': 1 label outside [0, 1], the first at [1, 2]: found NaN",
    );
  });

  test('a label that names no class is refused', async () => {
    const feed = feeding([{ x: [[2, 3], x], t: [[2], [2, 3]] }]);
    await using net = await open(netOf('type: "SoftmaxWithLoss"', 'dim: 2 dim: 3', 'dim: 2'), feed);
    await expect(net.next()).rejects.toThrow(
      '1 label outside 0 to 2, the first at [1]: found 3, expected a class',
    );
  });
});

test('batches of other shapes run through graphs of their own, with the same parameters', async () => {
  const t = [0.5, 0.25, 0.75, 0.125, 0.5, 0.25];
  const wide = {
    x: [
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
    t: [[2, 3], t],
  } as const;
  const tall = {
    x: [
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
    t: [[3, 2], t],
  } as const;
  const param = netOf('type: "SigmoidCrossEntropyLoss" loss_param { normalization: BATCH_SIZE }');
  param.layer[1]!.scale_param.axis = 0;
  param.layer[1]!.scale_param.num_axes = 0;
  await using net = await open(param, feeding([wide, tall, wide]));
  const first = await net.engine.forwardBackward(await net.next());
  const [gradient] = [net.engine.gradients[0]![0]!];
  const second = await net.engine.forwardBackward(await net.next());
  // The same numbers, divided by 3 items instead of 2.
  expect(second.loss).toBeCloseTo((first.loss * 2) / 3, 5);
  expect(net.engine.gradients[0]![0]).toBeCloseTo((gradient * 2) / 3, 5);
  expect((await net.engine.forwardBackward(await net.next())).loss).toBe(first.loss);
});

describe('a trainer', () => {
  const solver = (rest: string) =>
    parseText(
      'SolverParameter',
      `net_param { ${netText} } ${/base_lr/.test(rest) ? '' : 'base_lr: 0.1'} lr_policy: "fixed" ${/snapshot_prefix/.test(rest) ? '' : 'snapshot_prefix: "run"'} ${rest}`,
    );
  const netText = `layer { name: "in" type: "DummyData" top: "x" top: "t" dummy_data_param {
      shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } data_filler { type: "gaussian" std: 1 } data_filler { type: "uniform" } } }
    layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "y" bottom: "t" top: "loss" }`;

  async function eventsOf(trainer: Trainer): Promise<TrainingEvent[]> {
    const events: TrainingEvent[] = [];
    for await (const event of trainer.run()) events.push(event);
    return events;
  }

  test('gives the same parameters for the same seed, others for another', async () => {
    const params = async (seed: number): Promise<number[][]> => {
      const options = { solver: solver('max_iter: 3 snapshot_after_train: false'), seed, engine: threads };
      await using trainer = await Trainer.open({ ...options, folder: scratch });
      await eventsOf(trainer);
      return trainer.solver.engine.params.map((values) => [...values]);
    };
    const found = await params(1);
    expect(await params(1)).toEqual(found);
    expect(await params(2)).not.toEqual(found);
  });

  test('refuses a snapshot_prefix that cannot be written before it trains', async () => {
    const options = solver('max_iter: 3');
    options.snapshot_prefix = 'no/such/folder/run';
    await expect(Trainer.open({ solver: options, engine: threads, folder: scratch })).rejects.toThrow(
      /^no\/such\/folder\/run: cannot write to this snapshot_prefix: .*no such file or directory/,
    );
    options.snapshot_after_train = false;
    await using trainer = await Trainer.open({ solver: options, engine: threads, folder: scratch });
    expect((await eventsOf(trainer)).at(-1)).toEqual({ type: 'done', iteration: 3 });
  });

  test('stops where it is asked to, with a snapshot', async () => {
    const prefix = 'snapshot_prefix: "stopped"';
    const options = { solver: solver(`max_iter: 9 ${prefix}`), engine: threads, folder: scratch };
    await using trainer = await Trainer.open(options);
    const types: string[] = [];
    for await (const event of trainer.run()) {
      types.push(event.type);
      if (event.type === 'iteration' && event.iteration === 1) trainer.request('stop');
    }
    expect(types).toEqual(['iteration', 'iteration', 'snapshot', 'stopped']);
    expect(readdirSync(scratch)).toEqual(
      expect.arrayContaining(['stopped_iter_2.caffemodel', 'stopped_iter_2.solverstate']),
    );
  });

  test('stops with the iteration where the loss is not finite, and leaves snapshots alone', async () => {
    const rest = 'max_iter: 90 snapshot: 1 snapshot_prefix: "nan" base_lr: 3e38 momentum: 0.99';
    await using trainer = await Trainer.open({ solver: solver(rest), engine: threads, folder: scratch });
    const failure = await eventsOf(trainer).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CaffeDivergedError);
    const { iteration } = failure as CaffeDivergedError;
    expect(statSync(join(scratch, `nan_iter_${iteration}.solverstate`)).size).toBeGreaterThan(0);
  });

  test("starts from the solver's own weights", async () => {
    const first = solver('max_iter: 2 snapshot_prefix: "own"');
    await using trained = await Trainer.open({ solver: first, engine: threads, folder: scratch });
    await eventsOf(trained);
    const again = solver('max_iter: 2 weights: "own_iter_2.caffemodel"');
    await using trainer = await Trainer.open({ solver: again, seed: 9, engine: threads, folder: scratch });
    expect(trainer.solver.engine.params).toEqual(trained.solver.engine.params);
  });

  test('names a layer that nothing feeds', async () => {
    const options = solver('max_iter: 1');
    options.net_param = netOf('type: "SigmoidCrossEntropyLoss"');
    await expect(Trainer.open({ solver: options, engine: threads, folder: scratch })).rejects.toThrow(
      CaffeNetError,
    );
  });

  test('names snapshots by the solver file where no prefix, or a folder, is given', async () => {
    const named = async (text: string, file: string): Promise<string> =>
      (await withSnapshotPrefix(parseText('SolverParameter', text), file, scratch)).snapshot_prefix;
    expect(await named('', 'nets/a.b.prototxt')).toBe('nets/a.b');
    expect(await named('snapshot_prefix: "x"', 'a.prototxt')).toBe('x');
    expect(await named('snapshot_prefix: "."', 'nets/a.prototxt')).toBe('a');
  });
});
