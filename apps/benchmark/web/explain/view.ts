/** The view that explains: where a loss lies above its floor, and where the usual formulas lose their digits. */
import { h } from '../dom.js';
import { Curve, digitsChart, gradientChart, lossChart } from './charts.js';
import { controls } from './controls.js';
import { markDigits, numberText } from './digits.js';
import { bestLogit, exactAt } from './exact.js';
import { forms, type Quantity } from './forms.js';
import { presets } from './presets.js';
import { State, type Place } from './state.js';
import { digitTables, verdict } from './table.js';

function readout(state: State): HTMLElement {
  const list = h('dl', { class: 'readout' });
  state.watch(({ logit, target }) => {
    const { loss, gradient, floor, excess } = exactAt(logit, target);
    const entries = {
      loss: ['loss', loss],
      floor: ['floor', floor],
      excess: ['excess', excess],
      gradient: ['gradient', gradient],
      best: ['best logit', bestLogit(target)],
    } as const;
    list.replaceChildren(
      ...Object.entries(entries).map(([key, [name, value]]) =>
        h(
          'div',
          {},
          h('dt', {}, name),
          h('dd', { 'data-value': key, 'data-exact': value }, numberText(value, 5)),
        ),
      ),
    );
  });
  return list;
}

/** A sentence on what is to be seen at the point. */
function storyOf({ logit, target }: Place): string {
  const preset = presets.find((candidate) => candidate.logit === logit && candidate.target === target);
  if (preset !== undefined) return preset.story;
  const { loss } = exactAt(logit, target);
  const lost = forms.map((form) => `${form.name} ${verdict(markDigits(form.at(logit, target).loss, loss))}`);
  return `Digits of the loss: ${lost.join('; ')}.`;
}

function story(state: State): HTMLElement {
  const text = h('p', { class: 'story', role: 'status' });
  state.watch((place) => {
    const told = storyOf(place);
    // Said again only when it is another.
    if (text.textContent !== told) text.textContent = told;
  });
  return text;
}

function quantityChoice(changed: (quantity: Quantity) => void): HTMLElement {
  const choices = (['loss', 'gradient', 'excess'] as const).map((quantity) =>
    h(
      'label',
      { class: 'choice' },
      h('input', {
        type: 'radio',
        name: 'quantity',
        value: quantity,
        checked: quantity === 'loss',
        onchange: () => changed(quantity),
      }),
      quantity,
    ),
  );
  return h('div', { class: 'choices', role: 'radiogroup', 'aria-label': 'Digits of' }, ...choices);
}

function digitsCard(state: State): HTMLElement {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'explain-digits' },
    h('h2', { id: 'explain-digits' }, 'The digits in float32'),
    story(state),
    digitTables(state),
    h(
      'p',
      { class: 'note' },
      h('span', { class: 'mark-lost' }, 'Struck out'),
      ' digits are lost; pale ones are finer than float32 is at that number. Logit and label are float32 too, so “exact” is the loss ' +
        'at the numbers that are stored. Every operation is rounded to float32; softxent is evaluated from the program that its ' +
        'backends run.',
    ),
  );
}

/** Builds the view in its panel. */
export function startExplain(panel: HTMLElement): void {
  const state = new State({ logit: 2, target: 0.7 });
  const curve = new Curve(state);
  let quantity: Quantity = 'loss';
  const digits = digitsChart(curve, state, () => quantity);
  const charts = [lossChart(curve), gradientChart(curve), digits];
  const choice = quantityChoice((chosen) => {
    quantity = chosen;
    digits.redraw();
  });
  const cards = [
    h(
      'section',
      { class: 'card', 'aria-label': 'The curve' },
      readout(state),
      charts[0]?.element,
      charts[1]?.element,
    ),
    digitsCard(state),
    h('section', { class: 'card', 'aria-label': 'Right digits over the logit' }, digits.element, choice),
  ];
  panel.append(
    h('h1', {}, 'Cross-entropy with a soft label'),
    h(
      'p',
      { class: 'lead' },
      'A label between 0 and 1 puts a floor under the loss: its own entropy, which no prediction gets below. What can be learned is ' +
        'the excess over it. And the way the loss is written decides how many digits of it float32 keeps.',
    ),
    h('div', { class: 'explain' }, controls(state), h('div', { class: 'shown' }, ...cards)),
  );
  state.watch(() => {
    for (const each of charts) each.redraw();
  });
}
