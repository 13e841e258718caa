/** Points that show something. */

/** A logit and a soft label worth looking at. */
export interface Preset {
  readonly logit: number;
  readonly target: number;
  readonly name: string;
  /** What is to be seen there. */
  readonly story: string;
}

/** Cases that tell where digits go. */
export const presets: readonly Preset[] = [
  {
    logit: 2,
    target: 0.7,
    name: 'everyday',
    story: 'A moderate logit: every form is right, and the loss stays above the entropy of the label.',
  },
  {
    logit: 10000,
    target: 0.999999,
    name: 'confident, almost agreeing',
    story: 'max(x, 0) − x·t subtracts 9999.99 from 10000: float32 keeps no digit of the difference.',
  },
  {
    logit: 20,
    target: 1,
    name: 'right and sure',
    story: 'σ(20) rounds to 1 in float32: σ(x) − t is 0, and the logarithm of 1 − σ(x) is minus infinity.',
  },
  {
    logit: -20,
    target: 0,
    name: 'right and sure, negative',
    story:
      'The small number is σ(x) itself here, which float32 holds; but 1 − σ(x) rounds to 1, and its logarithm to 0.',
  },
  {
    logit: 100,
    target: 0.99,
    name: 'too sure',
    story: 'A penalty of 1 for being surer than the label: some digits go in 100 − 99.',
  },
  {
    logit: 2.2,
    target: 0.9,
    name: 'next to the optimum',
    story:
      'The loss is all floor; what is left to learn is 3.5e-7. Subtracting the floor leaves noise; a divergence keeps half the digits. ' +
      'A difference of numbers that are rounded already (σ(x) and t) cannot keep more.',
  },
];
