/** How sliders stand for numbers. */

/** Positions of a slider, and the numbers that they stand for. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  toNumber(position: number): number;
  toPosition(value: number): number;
}

const steps = 500;
const largest = 1e5;
/** Up to here a logit grows in proportion; beyond, the slider is logarithmic. */
const linearTo = 10;
const linearSteps = 250;

/**
 * Logits from -100,000 to 100,000 in 1000 steps: by 0.04 up to 10, where losses curve, and by a factor of 1.038 from there.
 */
export const logitScale: Scale = {
  min: -steps,
  max: steps,
  toNumber(position) {
    const distance = Math.abs(position);
    const magnitude =
      distance <= linearSteps
        ? (linearTo * distance) / linearSteps
        : linearTo * (largest / linearTo) ** ((distance - linearSteps) / (steps - linearSteps));
    return Math.sign(position) * Number(magnitude.toPrecision(3));
  },
  toPosition(value) {
    const magnitude = Math.min(Math.abs(value), largest);
    const distance =
      magnitude <= linearTo
        ? (magnitude / linearTo) * linearSteps
        : linearSteps +
          (Math.log(magnitude / linearTo) / Math.log(largest / linearTo)) * (steps - linearSteps);
    return Math.round(Math.sign(value) * distance);
  },
};

/** Soft labels from 0 to 1 in steps of 0.001. */
export const targetScale: Scale = {
  min: 0,
  max: 1000,
  toNumber: (position) => position / 1000,
  toPosition: (value) => Math.round(value * 1000),
};
