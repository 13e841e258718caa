// Speed of the kernels against the memory limit of the same run: node scripts/bench.mjs [threads...] (after a build).
//
// The limit is a triad, g = x + 2 t, which runs as a loss of its own through the same machinery and moves the same 12
// bytes an element. Rounds of all kernels are interleaved; the best of each is reported.
//   --size=16 (Mi elements)  --seconds=10  --only=sigmoid  --relaxed  --plain
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

const given = Object.fromEntries(
  process.argv
    .slice(2)
    .filter((arg) => arg.startsWith('--'))
    .map((arg) => {
      const [name, value = ''] = arg.slice(2).split('=');
      return [name, value];
    }),
);
if ('relaxed' in given) setFlagsFromString('--experimental-wasm-relaxed-simd');
const { defineLoss, f32, open, sigmoidCrossEntropy, softmaxCrossEntropy } = await import('@softxent/core');
const { add, constant, mul } = await import('@softxent/core/program');
const { wasm } = await import('../dist/index.js');

const counts = process.argv
  .slice(2)
  .filter((arg) => /^\d+$/.test(arg))
  .map(Number);
const elements = Number(given.size ?? 1) * 2 ** 20;
const seconds = Number(given.seconds ?? 10);

const triad = defineLoss({
  kind: 'bench/triad',
  program: ({ prediction, target }) => ({
    reductions: [],
    value: constant(0),
    gradients: { logits: add(prediction, mul(2, target)) },
  }),
});

function shapesFor() {
  const shapes = [
    ['triad', triad({ reduction: 'sum' }), [elements]],
    ['sigmoid', sigmoidCrossEntropy({ reduction: 'sum' }), [elements]],
  ];
  for (const classes of [2, 21, 150, 1000]) {
    const rows = Math.floor(elements / classes);
    const side = Math.floor(Math.sqrt(rows));
    shapes.push([
      `softmax NHWC ${classes}`,
      softmaxCrossEntropy({ reduction: 'sum', axis: -1 }),
      [rows, classes],
    ]);
    shapes.push([
      `softmax NCHW ${classes}`,
      softmaxCrossEntropy({ reduction: 'sum' }),
      [1, classes, side, side],
    ]);
  }
  return shapes.filter(([name]) => given.only === undefined || name === 'triad' || name.includes(given.only));
}

// The least: what other processes take from a round is not the kernel's.
const least = (times) => Math.min(...times);

for (const threads of counts.length > 0 ? counts : [1, 2]) {
  const session = await open(wasm({ threads, ...('plain' in given ? { relaxedSimd: false } : {}) }));
  const steps = [];
  for (const [name, loss, shape] of shapesFor()) {
    const specs = { logits: f32(shape), targets: f32(shape) };
    const [logits, targets, gradient] = [0, 1, 2].map(() => session.allocate(f32(shape)));
    const x = logits.view();
    const t = targets.view();
    for (let i = 0; i < x.length; i++) {
      x[i] = Math.sin(i * 0.7) * 8;
      t[i] = (i % 97) / 97;
    }
    const step = await session.compile(loss, specs);
    const run = () => step.run({ logits, targets }, { into: { gradients: { logits: gradient } } });
    for (let warm = 0; warm < 5; warm++) await run();
    steps.push({ name, size: x.length, run, times: [] });
  }
  const end = performance.now() + (1000 * seconds) / (counts.length || 2);
  while (performance.now() < end || steps[0].times.length < 5) {
    for (const step of steps) {
      const start = performance.now();
      await step.run();
      step.times.push(performance.now() - start);
    }
  }
  const limit = (least(steps[0].times) * 1e6) / steps[0].size;
  console.log(`${session.description}, ${elements / 2 ** 20} Mi elements, ${steps[0].times.length} rounds`);
  for (const { name, size, times } of steps) {
    const each = (least(times) * 1e6) / size;
    console.log(
      `  ${name.padEnd(18)} ${each.toFixed(3).padStart(8)} ns/element ${(each / limit).toFixed(2).padStart(6)} x triad`,
    );
  }
  await session.dispose();
}
