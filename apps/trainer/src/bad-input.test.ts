import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run, Scratch, writeFolderRun } from './testing.js';

/** Everything in a folder, with its contents. */
const contents = (folder: string): [string, string][] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, readFileSync(`${folder}/${name}`, 'base64')] as [string, string])
    .toSorted(([a], [b]) => a.localeCompare(b));

/** What the command says when it fails: one message, and every file stays as it was. */
async function refusal(
  scratch: Scratch,
  args: readonly string[],
): Promise<{ status: number; message: string }> {
  const before = contents(scratch.folder);
  const { status, stderr } = await run(scratch.folder, args);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(contents(scratch.folder)).toEqual(before);
  return { status, message: stderr };
}

const failure = (message: RegExp, status = 1): object => ({
  status,
  message: expect.stringMatching(message) as string,
});

const train = ['train', '-solver', 'again.solver'];

describe('weights', () => {
  test('truncated', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(
      scratch.path('cut.caffemodel'),
      readFileSync(scratch.path('made_iter_5.caffemodel')).subarray(0, 400),
    );
    expect(await refusal(scratch, [...train, '-weights', 'cut.caffemodel'])).toEqual(
      failure(/cut\.caffemodel: .*(truncated|corrupt|ends)/),
    );
  });

  test('corrupt', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(scratch.path('bad.caffemodel'), Buffer.from('ffffffffffffffffffffffff', 'hex'));
    expect(await refusal(scratch, [...train, '-weights', 'bad.caffemodel'])).toEqual(
      failure(/bad\.caffemodel: /),
    );
    expect(await refusal(scratch, ['inspect', 'bad.caffemodel'])).toEqual(failure(/bad\.caffemodel: /));
  });

  test("cut within the first field, or not Caffe's at all", async () => {
    using scratch = new Scratch('cli');
    writeFileSync(
      scratch.path('start.caffemodel'),
      readFileSync(scratch.path('made_iter_5.caffemodel')).subarray(0, 6),
    );
    writeFileSync(scratch.path('other.bin'), Buffer.from('0d000000000d01020304', 'hex'));
    for (const name of ['start.caffemodel', 'other.bin']) {
      expect(await refusal(scratch, ['inspect', name])).toEqual(
        failure(/truncated or corrupt|truncated, corrupt/),
      );
    }
  });

  test('of other shapes', async () => {
    using scratch = new Scratch('cli');
    const net = readFileSync(scratch.path('net.prototxt'), 'utf8').replace('num_output: 4', 'num_output: 5');
    writeFileSync(scratch.path('net.prototxt'), net);
    expect(await refusal(scratch, [...train, '-weights', 'made_iter_5.caffemodel'])).toEqual(
      failure(
        /made_iter_5\.caffemodel: cannot copy parameter 0 of layer 'c1' .*shape mismatch.* 4 2 3 3 .* 5 2 3 3 /,
      ),
    );
  });

  test('without blobs that a layer needs', async () => {
    using scratch = new Scratch('cli');
    const text = 'layer { name: "c1" type: "Convolution" blobs { shape { dim: 4 dim: 2 dim: 3 dim: 3 } } }';
    writeFileSync(scratch.path('few.prototxt'), text);
    expect((await run(scratch.folder, ['convert', 'few.prototxt', 'few.caffemodel'])).status).toBe(0);
    expect(await refusal(scratch, [...train, '-weights', 'few.caffemodel'])).toEqual(
      failure(/number of blobs for layer 'c1'/),
    );
  });
});

describe('solverstates', () => {
  test('of another net', async () => {
    using scratch = new Scratch('cli');
    const net = readFileSync(scratch.path('net.prototxt'), 'utf8').replaceAll(
      'num_output: 4',
      'num_output: 5',
    );
    writeFileSync(scratch.path('net.prototxt'), net);
    expect(await refusal(scratch, [...train, '-snapshot', 'made_iter_5.solverstate'])).toEqual(
      failure(/shape/),
    );
  });

  test('of another type of solver', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(
      scratch.path('again.solver'),
      `${readFileSync(scratch.path('again.solver'), 'utf8')}\ntype: "Adam"`,
    );
    expect(await refusal(scratch, [...train, '-snapshot', 'made_iter_5.solverstate'])).toEqual(
      failure(/made_iter_5\.solverstate: .*history has 4 blobs, this solver 8/),
    );
  });

  test('truncated', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(
      scratch.path('cut.solverstate'),
      readFileSync(scratch.path('made_iter_5.solverstate')).subarray(0, 300),
    );
    expect(await refusal(scratch, [...train, '-snapshot', 'cut.solverstate'])).toEqual(
      failure(/cut\.solverstate: /),
    );
  });
});

describe('data', () => {
  test('a label outside [0, 1]', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    const net = readFileSync(scratch.path('net.prototxt'), 'utf8').replace(/layer \{ name: "in".*/, dummy);
    writeFileSync(scratch.path('net.prototxt'), net);
    expect(await refusal(scratch, ['train', '-solver', 'solver.prototxt'])).toEqual(
      failure(
        /top 'label': 1024 labels outside \[0, 1\], the first at \[0, 0, 0, 0\]: found 1\.5, expected a probability/,
      ),
    );
  });

  test('a list with missing files', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    const list =
      'layer { name: "in" type: "ImageLabelmapData" top: "data" top: "label" image_data_param { source: "list.txt" batch_size: 1 } }';
    const net = readFileSync(scratch.path('net.prototxt'), 'utf8').replace(/layer \{ name: "in".*/, list);
    writeFileSync(scratch.path('net.prototxt'), net);
    writeFileSync(
      scratch.path('list.txt'),
      'photos/train/images/000.png photos/train/soft/000.png\nnone.png none-soft.png\n',
    );
    expect(await refusal(scratch, ['train', '-solver', 'solver.prototxt'])).toEqual(
      failure(/list\.txt:2: .*none/),
    );
    writeFileSync(scratch.path('list.txt'), '');
    expect(await refusal(scratch, ['train', '-solver', 'solver.prototxt'])).toEqual(failure(/list\.txt/));
  });

  test('a mean of another number of channels is a mistake in the use', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    const args = 'train -solver solver.prototxt --data photos --mean 1,2'.split(' ');
    expect(await refusal(scratch, args)).toEqual(
      failure(/--mean 1,2: found 2 values, expected one, or blue/, 2),
    );
  });

  test('nothing that feeds an Input layer', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    expect(await refusal(scratch, ['train', '-solver', 'solver.prototxt'])).toEqual(
      failure(/net\.prototxt:2: layer 'in' \(Input\): nothing feeds its blobs 'data' and 'label'/),
    );
  });
});

const dummy = `layer { name: "in" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 4 dim: 3 dim: 16 dim: 16 } shape { dim: 4 dim: 1 dim: 16 dim: 16 } data_filler { value: 1 } data_filler { value: 1.5 } } }`;

test('a loss that is not a number stops the run, names the iteration and keeps the last snapshot', async () => {
  using scratch = new Scratch();
  writeFolderRun(
    scratch,
    'type: "SGD" momentum: 0.9 base_lr: 1e18 snapshot: 1 max_iter: 50 test_interval: 100',
  );
  const { status, stderr } = await run(
    scratch.folder,
    'train -solver solver.prototxt --data photos --log log.jsonl --report report.html'.split(' '),
  );
  expect(status).toBe(1);
  const found = /^error: the loss of iteration (\d+) is (NaN|Infinity): training has diverged/.exec(stderr);
  expect(found).not.toBeNull();
  const names = readdirSync(scratch.folder);
  expect(names).toContain(`run_iter_${found![1]}.solverstate`);
  expect(names).not.toContain(`run_iter_${Number(found![1]) + 1}.solverstate`);
  expect(readFileSync(scratch.path('report.html'), 'utf8')).toContain('Ended early');
});

describe('flags', () => {
  test.for([
    [['train', '-solver', 'again.solver', '-threads', 'many'], /--threads.*Expected a whole number/s],
    [['train', '-solver', 'again.solver', '-gpu', 'all'], /number of one device: several are not used/],
    [['train', '-solver', 'again.solver', '-gpu', '0', '-provider', 'cpu'], /-gpu means --provider cuda/],
    [['train', '-solver', 'again.solver', '-provider', 'tpu'], /Allowed choices are cpu, cuda, webgpu/],
    [
      ['train', '-solver', 'again.solver', '-sigint_effect', 'explode'],
      /Allowed choices are stop, snapshot, none/,
    ],
    [['train', '-solver', 'again.solver', 'extra'], /too many arguments/],
    [['convert', 'net.prototxt', 'net.what'], /cannot be told from the name net\.what/],
    [['convert', 'net.prototxt', 'net.onnx'], /without weights/],
    [['convert', 'net.prototxt', 'net.prototxt'], /are the same file/],
    [['time'], /time needs a net/],
  ] as const)('%s is a mistake in the use', async ([args, message]) => {
    using scratch = new Scratch('cli');
    expect(await refusal(scratch, args)).toEqual(failure(message, 2));
  });
});

test.skipIf(!existsSync('/dev/full'))('a full disk is told as such', async () => {
  using scratch = new Scratch('cli');
  const { status, stderr } = await run(scratch.folder, [...train, '--log', '/dev/full']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: \/dev\/full: the log cannot be written: .*no space left/);
});

test('a report that cannot be written is heard of before training', async () => {
  using scratch = new Scratch('cli');
  expect(await refusal(scratch, [...train, '--report', 'no/such/folder/report.html'])).toEqual(
    failure(/--report no\/such\/folder\/report\.html: its folder cannot be written to/),
  );
});
