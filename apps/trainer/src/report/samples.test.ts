import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import type { Ran } from '../testing.js';
import { run, Scratch, writeFolderRun } from '../testing.js';

/** Trains the small net on squares with other layers behind its second convolution. */
async function reported(scratch: Scratch, layers: string, solver = ''): Promise<Ran & { page: string }> {
  writeFolderRun(scratch, `max_iter: 2 ${solver}`);
  const net = readFileSync(scratch.path('net.prototxt'), 'utf8').replace(
    /layer \{ name: "c2"[^]*/,
    `${layers}\n`,
  );
  writeFileSync(scratch.path('net.prototxt'), net);
  const flags = 'train -solver solver.prototxt --data photos --report report.html --pictures p.png';
  const ran = await run(scratch.folder, flags.split(' '));
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return { ...ran, page: readFileSync(scratch.path('report.html'), 'utf8') };
}

const score = (classes: number): string =>
  `layer { name: "c2" type: "Convolution" bottom: "c1" top: "c2" convolution_param { num_output: ${classes} kernel_size: 1 weight_filler { type: "msra" } } }`;

const pictures = (page: string): number => page.match(/<img src="data:image\/png;base64,/g)?.length ?? 0;

/** One channel of rows of pixels of a PNG with three. */
const pixel = (scratch: Scratch, x: number, y: number): number[] => {
  const { data, width } = decode(readFileSync(scratch.path('p.png')));
  return Array.from(data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3));
};

describe('samples of a softmax', () => {
  test('are label, prediction and most likely class in colours, next to the image', async () => {
    using scratch = new Scratch();
    const made = `layer { name: "whole" type: "Power" bottom: "label" top: "class" power_param { scale: 1.2 } }
      ${score(3)}
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c2" bottom: "class" top: "loss" }`;
    const { page } = await reported(scratch, made);
    expect(pictures(page)).toBe(4 * 4);
    expect(page).toContain(
      'Image, label, prediction, most likely class: softmax of the logits of &#39;loss&#39;',
    );
    expect(page).toMatch(/Classes: (<span class="key">.*?<\/span>){3}<\/p>/);
    // Four pictures of 16 pixels, eight times as large, with 4 between them: label 0 is the colour of class 0, label 1 that of class 1.
    const { width, height } = decode(readFileSync(scratch.path('p.png')));
    expect([width, height]).toEqual([4 * 132 + 4, 4 * 132 + 4]);
    const colours = new Set<string>();
    for (let y = 8; y < 130; y += 8)
      for (let x = 140; x < 264; x += 8) colours.add(pixel(scratch, x, y).join());
    expect(colours).toEqual(new Set(['31,33,41', '228,148,68']));
  });

  test('mix the colours of soft labels', async () => {
    using scratch = new Scratch();
    const made = `layer { name: "rest" type: "Power" bottom: "label" top: "rest" power_param { scale: -1 shift: 1 } }
      layer { name: "both" type: "Concat" bottom: "rest" bottom: "label" top: "both" }
      ${score(2)}
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c2" bottom: "both" top: "loss" }`;
    const { page, stdout } = await reported(scratch, made);
    expect(page).toContain('Image, soft label, prediction, most likely class');
    expect(stdout).toMatch(/Test net loss = \S+ \(floor \S+, excess \S+\)/);
    const colours = new Set<string>();
    for (let y = 8; y < 130; y += 8)
      for (let x = 140; x < 264; x += 8) colours.add(pixel(scratch, x, y).join());
    // Labels of the squares are 0, 0.6 at the border and 1.
    expect(colours).toEqual(new Set(['31,33,41', '149,102,57', '228,148,68']));
  });

  test('are words where an item has one class, and the log says why there are no pictures', async () => {
    using scratch = new Scratch();
    const made = `layer { name: "all" type: "Pooling" bottom: "label" top: "all" pooling_param { pool: AVE global_pooling: true } }
      layer { name: "class" type: "Power" bottom: "all" top: "class" power_param { scale: 4 } }
      layer { name: "c2" type: "InnerProduct" bottom: "c1" top: "c2" inner_product_param { num_output: 3 } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c2" bottom: "class" top: "loss" }`;
    const { page, stdout } = await reported(scratch, made);
    expect(pictures(page)).toBe(4);
    expect(page.match(/label class \d<br>prediction class \d \(\d\.\d{3}\)/g)).toHaveLength(4);
    expect(stdout).toContain(
      "note: no pictures are written: the predictions of 'loss' are classes of items, not maps",
    );
    expect(existsSync(scratch.path('p.png'))).toBe(false);
  });
});

test('several channels of probabilities are shown in pairs, numbers as numbers', async () => {
  using scratch = new Scratch();
  const two = `layer { name: "two" type: "Concat" bottom: "label" bottom: "label" top: "two" }
    ${score(2)}
    layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "c2" bottom: "two" top: "loss" }`;
  const { page } = await reported(scratch, two);
  expect(page).toContain('Image, soft label, prediction of channel 0, 1 of 2');
  expect(pictures(page)).toBe(4 * 5);

  using other = new Scratch();
  const numbers = `layer { name: "all" type: "Pooling" bottom: "label" top: "all" pooling_param { pool: AVE global_pooling: true } }
    layer { name: "c2" type: "InnerProduct" bottom: "c1" top: "c2" inner_product_param { num_output: 1 } }
    layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "c2" bottom: "all" top: "loss" }`;
  const single = await reported(other, numbers);
  expect(single.page).toMatch(/label 0\.\d{3}<br>prediction 0\.\d{3}/);
  expect(single.stdout).toContain("no pictures are written: the predictions of 'loss' are 1 number an item");
});

test('a net without cross-entropy has no samples, and the report says so', async () => {
  using scratch = new Scratch();
  const { page, stdout } = await reported(
    scratch,
    `${score(1)}\nlayer { name: "loss" type: "EuclideanLoss" bottom: "c2" bottom: "label" top: "loss" }`,
  );
  expect(page).toContain('None: the net has no SigmoidCrossEntropyLoss and no SoftmaxWithLoss.');
  expect(stdout).toContain('note: no pictures are written: the net has no SigmoidCrossEntropyLoss');
  expect(pictures(page)).toBe(0);
});
