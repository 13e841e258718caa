/** Sliders and number fields for the point, and the presets. */
import { h } from '../dom.js';
import { numberText } from './digits.js';
import { presets } from './presets.js';
import { logitScale, targetScale, type Scale } from './scales.js';
import { isLogit, isTarget, largestLogit, type Place, type State } from './state.js';

interface FieldOptions {
  readonly key: keyof Place;
  readonly label: string;
  readonly scale: Scale;
  readonly min: number;
  readonly max: number;
  readonly isValid: (value: number) => boolean;
}

/** A slider with a number field beside it: the slider for wandering, the field for any number at all. */
function field(state: State, { key, label, scale, min, max, isValid }: FieldOptions): HTMLElement {
  const id = `explain-${key}`;
  const number = h('input', {
    type: 'number',
    id,
    min,
    max,
    step: 'any',
    inputmode: 'decimal',
    required: true,
  });
  const slider = h('input', {
    type: 'range',
    id: `${id}-slider`,
    'aria-label': `${label}, slider`,
    min: scale.min,
    max: scale.max,
  });
  number.addEventListener('input', () => {
    const value = number.valueAsNumber;
    if (isValid(value)) state.set({ [key]: value });
  });
  slider.addEventListener('input', () => state.set({ [key]: scale.toNumber(slider.valueAsNumber) }));
  state.watch((place) => {
    const value = place[key];
    // What is being typed stays as it is: 1e and 0.50 are on their way to a number.
    if (number.valueAsNumber !== value) number.value = String(value);
    slider.valueAsNumber = scale.toPosition(value);
    slider.setAttribute('aria-valuetext', numberText(value));
  });
  return h(
    'div',
    { class: 'field' },
    h('div', { class: 'field-head' }, h('label', { for: id }, label), number),
    slider,
  );
}

function presetList(state: State): HTMLElement {
  const buttons = presets.map(({ name, logit, target }) => {
    const at = h('span', { class: 'at' }, `x = ${numberText(logit)}, t = ${numberText(target)}`);
    const set = (): void => state.set({ logit, target });
    return h('button', { type: 'button', class: 'preset', onclick: set }, h('span', {}, name), at);
  });
  state.watch(({ logit, target }) => {
    for (const [i, preset] of presets.entries()) {
      const isHere = preset.logit === logit && preset.target === target;
      buttons[i]?.setAttribute('aria-pressed', String(isHere));
    }
  });
  return h('div', { class: 'presets', role: 'group', 'aria-label': 'Telling cases' }, ...buttons);
}

/** The controls of the view. */
export function controls(state: State): HTMLElement {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'explain-controls' },
    h('h2', { id: 'explain-controls' }, 'A prediction and its label'),
    field(state, {
      key: 'logit',
      label: 'Logit x',
      scale: logitScale,
      min: -largestLogit,
      max: largestLogit,
      isValid: isLogit,
    }),
    field(state, {
      key: 'target',
      label: 'Soft label t',
      scale: targetScale,
      min: 0,
      max: 1,
      isValid: isTarget,
    }),
    presetList(state),
  );
}
