/** The digits of each form at the point, beside the exact ones. */
import { short } from '../../src/report/format.js';
import { h } from '../dom.js';
import { errorInUlp, markDigits, type Digits } from './digits.js';
import { exactAt } from './exact.js';
import { forms, type Quantity } from './forms.js';
import type { Place, State } from './state.js';

const quantities: readonly { readonly key: Quantity; readonly name: string }[] = [
  { key: 'loss', name: 'Loss' },
  { key: 'gradient', name: 'Gradient' },
  { key: 'excess', name: 'Excess over the floor' },
];

/** How many digits went, in words. */
export function verdict({ lost, room, runs }: Digits): string {
  if (runs.some(({ mark }) => mark === 'lost') && lost === room) return 'all lost';
  return lost === 0 ? 'none lost' : `${lost} of ${room} lost`;
}

function ulpText(ulp: number): string {
  if (!Number.isFinite(ulp)) return 'no number';
  if (ulp === 0) return 'exact';
  const rounded = Number(ulp.toPrecision(2));
  return `${rounded < 1e5 ? rounded : short(rounded)} ulp off`;
}

function numberCell(digits: Digits): HTMLElement {
  // NaN and infinity are no digits to strike out.
  const runs = digits.runs.map(({ text, mark }) =>
    h('span', { class: /\d/.test(text) || mark === 'lead' ? `mark-${mark}` : 'mark-none' }, text),
  );
  return h('td', { class: 'number', role: 'cell' }, ...runs);
}

function row(id: string, who: HTMLElement, digits: Digits, judgement: HTMLElement): HTMLElement {
  return h('tr', { role: 'row', 'data-form': id }, who, numberCell(digits), judgement);
}

function tableOf({ logit, target }: Place, key: Quantity, name: string): HTMLElement {
  const exact = exactAt(logit, target)[key];
  const head = ['Form', 'float32', 'Digits'].map((text) =>
    h('th', { scope: 'col', role: 'columnheader' }, text),
  );
  const exactRow = row(
    'exact',
    h('th', { scope: 'row', role: 'rowheader', class: 'who' }, 'exact'),
    markDigits(exact, exact),
    h('td', { role: 'cell' }, ''),
  );
  const rows = forms.map((form) => {
    const computed = form.at(logit, target)[key];
    const digits = markDigits(computed, exact);
    const isBad = digits.runs.some(({ mark }) => mark === 'lost');
    const who = h(
      'th',
      { scope: 'row', role: 'rowheader', class: 'who' },
      form.name,
      h('span', { class: 'how formula' }, form.formulas[key]),
    );
    const words = `${verdict(digits)}, ${ulpText(errorInUlp(computed, exact))}`;
    return row(
      form.id,
      who,
      digits,
      h('td', { role: 'cell', class: isBad ? 'verdict-bad' : 'verdict-good' }, words),
    );
  });
  return h(
    'table',
    { class: 'digits', role: 'table', 'data-quantity': key },
    h('caption', {}, name),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...head)),
    h('tbody', { role: 'rowgroup' }, exactRow, ...rows),
  );
}

/** Three tables, redrawn as the point moves. */
export function digitTables(state: State): HTMLElement {
  const place = h('div', { class: 'digit-tables' });
  state.watch((at) => place.replaceChildren(...quantities.map(({ key, name }) => tableOf(at, key, name))));
  return place;
}
