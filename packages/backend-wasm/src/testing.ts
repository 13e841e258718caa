/** What tests share. */

/** A deterministic stream of numbers in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One unit in the last place of a float32 of this magnitude. */
export function ulp(value: number): number {
  return Math.max(2 ** (Math.floor(Math.log2(Math.abs(value))) - 23), 2 ** -149);
}

/** Logits of every size, and targets of which a quarter nearly agree with a confident logit. */
export function sigmoidData(n: number, seed: number): { logits: Float32Array; targets: Float32Array } {
  const next = uniform(seed);
  const logits = Float32Array.from({ length: n }, () => (next() < 0.5 ? -1 : 1) * 10 ** (next() * 7 - 3));
  const targets = Float32Array.from(logits, (x) => {
    if (next() > 0.25) return next();
    const slight = 10 ** (-7 * next());
    return x > 0 ? 1 - slight : slight;
  });
  return { logits, targets };
}
