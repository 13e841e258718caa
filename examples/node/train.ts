/**
 * A Node script: fits the weights of a linear model to soft labels. Five people looked at each of 400 points and said whether it lies above
 * a line; the label is the share of them who said so. Prints the loss, which stays above 0, and what is left to learn, which does not.
 */
import { auto, f32, open, sigmoidCrossEntropy, tensor } from 'softxent';

const points = Array.from(
  { length: 400 },
  (_, i) => [(i % 20) / 10 - 0.95, Math.floor(i / 20) / 10 - 0.95] as const,
);
const votes = points.map(([x, y], i) =>
  Math.min(5, Math.max(0, Math.round(2.5 + 4 * (x - y) + Math.sin(7 * i)))),
);

await using session = await open(auto());
console.log(session.description);

const operands = {
  logits: tensor(new Float32Array(points.length)),
  targets: tensor(Float32Array.from(votes, (n) => n / 5)),
};
const gradients = { logits: tensor(new Float32Array(points.length)) };
const specs = { logits: f32([points.length]), targets: f32([points.length]) };
// Planned once, then run without allocation: the gradient of the mean, into the same tensor each time.
await using loss = await session.compile(sigmoidCrossEntropy(), specs);
const toLearn = sigmoidCrossEntropy({ floor: 'entropy' });

const weights = [0, 0, 0];
for (let step = 0; step <= 300; step++) {
  points.forEach(([x, y], i) => {
    operands.logits.data[i] = (weights[0] ?? 0) * x + (weights[1] ?? 0) * y + (weights[2] ?? 0);
  });
  const { value } = await loss.run(operands, { into: { gradients } });
  if (step % 100 === 0) {
    const left = await session.value(toLearn, operands);
    console.log(`step ${step}: loss ${value.toFixed(4)}, of which ${left.toFixed(4)} is left to learn`);
  }
  const slope = [0, 0, 0];
  points.forEach(([x, y], i) => {
    const g = gradients.logits.data[i] ?? 0;
    [x, y, 1].forEach((feature, k) => (slope[k] = (slope[k] ?? 0) + g * feature));
  });
  slope.forEach((g, k) => (weights[k] = (weights[k] ?? 0) - 4 * g));
}
