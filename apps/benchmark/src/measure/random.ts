/** Pseudo-random numbers from a seed: the same inputs on every machine and in every process of a run. */

/** Numbers in [0, 1), by splitmix32; streams of one seed are independent. */
export function uniforms(seed: number, stream = ''): () => number {
  // FNV-1a of the stream's name.
  let state = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < stream.length; i++) state = Math.imul(state ^ stream.charCodeAt(i), 0x01000193) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** One number of about a standard normal distribution. */
export function normal(uniform: () => number): number {
  // Box and Muller; 1 - u is never 0.
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
