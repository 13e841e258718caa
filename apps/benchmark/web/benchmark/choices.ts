/** Groups of boxes to check. */
import { h, type Child } from '../dom.js';
import { catalogue, type Entry } from './catalogue.js';

/** A box. */
export interface Choice {
  readonly value: string;
  readonly text: string;
  readonly isChecked: boolean;
  /** Followed by the number of threads, which {@link showThreads} keeps. */
  readonly takesThreads?: boolean;
  readonly hint?: string | undefined;
}

/** A group of boxes of one name, with a title and perhaps a note. */
export function choices(
  name: string,
  title: string,
  all: readonly Choice[],
  note?: Child,
): HTMLFieldSetElement {
  const boxes = all.map(({ value, text, isChecked, takesThreads = false, hint }) =>
    h(
      'label',
      { class: 'choice', title: hint },
      h('input', { type: 'checkbox', name, value, checked: isChecked }),
      h('span', {}, text, takesThreads && h('span', { 'data-threads': true })),
    ),
  );
  return h('fieldset', {}, h('legend', {}, title), h('div', { class: 'choices' }, ...boxes), note);
}

/** Contestants of the catalogue in this role. */
export function contestantChoices(role: Entry['role']): readonly Choice[] {
  return catalogue
    .filter((entry) => entry.role === role)
    .map(({ id, name, threads, isDefault = false, needs }) => ({
      value: id,
      text: name,
      takesThreads: threads === 'many',
      isChecked: isDefault,
      hint: needs === undefined ? undefined : `needs ${needs === 'webgpu' ? 'WebGPU' : 'WebGL'}`,
    }));
}

/** Writes the number of threads beside the names of those that take several. */
export function showThreads(form: HTMLElement, threads: number): void {
  for (const place of form.querySelectorAll('[data-threads]')) place.textContent = `, ${threads} threads`;
}
