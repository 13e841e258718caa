// Sigmoid cross-entropy, value and gradient, 1M float32, one thread: the loop that one writes first against the backend's,
// in turns within one run. `npm run build` at the root first, then `node packages/backend-cpu/scripts/benchmark.mjs`.
import { f32, openSync, sigmoidCrossEntropy, tensor } from '@softxent/core';

import { cpu } from '../dist/index.js';

const n = 1 << 20;
const rounds = 25;

let state = 1;
function uniform() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const logits = Float32Array.from({ length: n }, () => (uniform() + uniform() + uniform() - 1.5) * 8);
const targets = Float32Array.from({ length: n }, uniform);
const gradient = new Float32Array(n);

function naive() {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = logits[i];
    const t = targets[i];
    sum += Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)));
    gradient[i] = (1 / (1 + Math.exp(-x)) - t) / n;
  }
  return sum / n;
}

function stepOf(evaluation) {
  const session = openSync(cpu({ evaluation }));
  const step = session.compile(sigmoidCrossEntropy(), { logits: f32([n]), targets: f32([n]) });
  const operands = { logits: tensor(logits), targets: tensor(targets) };
  const options = { into: { gradients: { logits: tensor(gradient) } } };
  return () => step.run(operands, options).value;
}

const contenders = { naive, generated: stepOf('generated'), closures: stepOf('closures') };
const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(contenders)) {
    if (name === 'closures' && round > 4) continue;
    const start = performance.now();
    run();
    times[name].push(performance.now() - start);
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const base = median(times.naive);
for (const [name, values] of Object.entries(times)) {
  const nanoseconds = ((median(values) * 1e6) / n).toFixed(2);
  console.log(
    `${name.padEnd(10)} ${nanoseconds.padStart(7)} ns/element   ${(base / median(values)).toFixed(2)} x naive`,
  );
}
