/** The form that says what to run. */
import { lossKinds } from '../../src/measure/losses.js';
import type { Layout } from '../../src/model.js';
import { count } from '../../src/report/format.js';
import { h } from '../dom.js';
import { choices, contestantChoices, showThreads } from './choices.js';
import type { Surroundings } from './machine.js';
import type { Request } from './protocol.js';

/** The form, and what it says. */
export interface Form {
  readonly element: HTMLFormElement;
  /** What is asked for; undefined, with a message shown, where something is missing. */
  request(): Request | undefined;
  setBusy(isBusy: boolean): void;
}

const sizes = [1e3, 1e4, 1e5, 1e6, 1e7];
const effortOf = {
  quick: { text: 'quick: 5 rounds, 2 s', rounds: 5, secondsPerWorkload: 2 },
  normal: { text: 'normal: 15 rounds, 6 s', rounds: 15, secondsPerWorkload: 6 },
  thorough: { text: 'thorough: 40 rounds, 20 s', rounds: 40, secondsPerWorkload: 20 },
} as const;

const layoutNames: Readonly<Record<Exclude<Layout, 'flat'>, string>> = {
  'channels-last': 'channels-last',
  nchw: 'NCHW',
};

/** Builds the form. */
export function makeForm({ machine, isIsolated }: Surroundings): Form {
  const threads = h('input', {
    type: 'number',
    id: 'bench-threads',
    name: 'threads',
    min: 2,
    max: 64,
    value: Math.max(2, Math.min(machine.cores, 8)),
    required: true,
  });
  const classes = h('input', {
    type: 'number',
    id: 'bench-classes',
    name: 'classes',
    min: 2,
    max: 10_000,
    value: 21,
    required: true,
  });
  const effort = h(
    'select',
    { id: 'bench-effort', name: 'effort' },
    ...Object.entries(effortOf).map(([value, { text }]) => h('option', { value }, text)),
  );
  effort.value = 'normal';
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const fields = h(
    'div',
    { class: 'fields' },
    choices(
      'loss',
      'Losses',
      lossKinds.map((kind) => ({
        value: kind,
        text: kind,
        isChecked: kind === 'sigmoidCrossEntropy' || kind === 'softmaxCrossEntropy',
      })),
    ),
    choices(
      'size',
      'Elements',
      sizes.map((size) => ({
        value: String(size),
        text: count(size),
        isChecked: size === 1e5 || size === 1e6,
      })),
    ),
    h(
      'fieldset',
      {},
      h('legend', {}, 'Settings'),
      h(
        'div',
        { class: 'pair' },
        h('label', { for: 'bench-classes' }, 'number of classes'),
        classes,
        h('label', { for: 'bench-threads' }, 'threads, where several'),
        threads,
        h('label', { for: 'bench-effort' }, 'for each workload'),
        effort,
      ),
    ),
    choices(
      'layout',
      'Layouts, of losses with classes',
      Object.entries(layoutNames).map(([value, text]) => ({ value, text, isChecked: value === 'nchw' })),
    ),
    choices(
      'contestant',
      'Backends of softxent',
      contestantChoices('backend'),
      isIsolated
        ? undefined
        : h('p', { class: 'note' }, 'Several threads need a cross-origin isolated page.'),
    ),
    choices(
      'contestant',
      'Peers',
      contestantChoices('peer'),
      h(
        'p',
        { class: 'note' },
        'What people use instead, written in its own operations: compared on sigmoid and softmax cross-entropy.',
      ),
    ),
  );
  const element = h('form', { class: 'card', 'aria-label': 'What to run' }, fields, problem);

  const renameThreads = (): void => {
    if (threads.checkValidity()) showThreads(element, threads.valueAsNumber);
  };
  threads.addEventListener('input', renameThreads);
  renameThreads();

  const chosen = (name: string): readonly string[] =>
    [...element.querySelectorAll<HTMLInputElement>(`input[name=${name}]:checked`)].map(({ value }) => value);

  const missing = (): string | undefined => {
    const names = { loss: 'a loss', size: 'a number of elements', contestant: 'a backend or a peer' };
    const empty = Object.entries(names).filter(([name]) => chosen(name).length === 0);
    if (empty.length > 0) return `Choose ${empty.map(([, text]) => text).join(' and ')}.`;
    const isPlain = chosen('loss').every((kind) => kind === 'sigmoidCrossEntropy' || kind === 'qualityFocal');
    if (!isPlain && chosen('layout').length === 0) return 'Choose a layout for the losses with classes.';
    if (!classes.checkValidity()) return 'The number of classes is from 2 to 10,000.';
    if (!threads.checkValidity()) return 'Several threads are from 2 to 64.';
    return undefined;
  };

  return {
    element,
    request() {
      const text = missing();
      problem.textContent = text ?? '';
      problem.hidden = text === undefined;
      if (text !== undefined) return undefined;
      const { rounds, secondsPerWorkload } = effortOf[effort.value as keyof typeof effortOf];
      return {
        losses: chosen('loss'),
        sizes: chosen('size').map(Number),
        layouts: chosen('layout') as readonly Layout[],
        classes: classes.valueAsNumber,
        contestants: chosen('contestant'),
        threads: threads.valueAsNumber,
        seed: 1,
        rounds,
        secondsPerWorkload,
        // Browsers do not tell what is free; half of what they admit to is a start.
        memoryBytes: (machine.memoryBytes ?? 2 ** 31) / 2,
      };
    },
    setBusy(isBusy) {
      for (const field of fields.querySelectorAll('fieldset')) field.disabled = isBusy;
    },
  };
}
