/** The view that measures. */
import { h } from '../dom.js';
import { makeForm } from './form.js';
import { surroundings, type Surroundings } from './machine.js';
import { makeResults } from './results.js';
import { BenchmarkRun, type Stage } from './run.js';

function machineList({ machine, isIsolated }: Surroundings): HTMLElement {
  const entries = {
    Browser: `${machine.runtime}, ${machine.platform}`,
    Processor: `${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}`,
    GPU: machine.gpu ?? 'none that the browser shows',
    Threads: isIsolated
      ? 'yes: the page is cross-origin isolated'
      : 'one: the page is not cross-origin isolated',
  };
  return h(
    'dl',
    { class: 'machine', id: 'machine' },
    ...Object.entries(entries).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

function isolationNotice(): HTMLElement {
  return h(
    'p',
    { class: 'notice', id: 'not-isolated' },
    'This page is not cross-origin isolated, so threads have no memory to share: everything runs on one thread, and clocks are coarser. ' +
      'To measure threads, serve the page with the headers ',
    h('code', {}, 'Cross-Origin-Opener-Policy: same-origin'),
    ' and ',
    h('code', {}, 'Cross-Origin-Embedder-Policy: require-corp'),
    '.',
  );
}

/** The bar and the words that tell how a run stands. Words are announced when a workload changes, not at every round. */
function makeProgress(): { element: HTMLElement; show(stage: Stage): void } {
  const bar = h('progress', { max: 1, value: 0, 'aria-label': 'Progress of the run' });
  const doing = h('span', { class: 'doing' });
  const announced = h('p', { class: 'visually-hidden', role: 'status' });
  const element = h('div', { class: 'progress', hidden: true }, bar, doing, announced);
  let last = '';
  const announce = (text: string): void => {
    if (text !== last) announced.textContent = last = text;
  };
  const end = (text: string): void => {
    doing.textContent = text;
    announce(text);
  };
  return {
    element,
    show(stage) {
      element.hidden = false;
      element.dataset['stage'] = stage.kind;
      switch (stage.kind) {
        case 'running':
          bar.value = stage.fraction;
          doing.textContent = `${Math.round(100 * stage.fraction)} % · ${stage.doing}`;
          announce(stage.doing.split(':')[0] ?? '');
          break;
        case 'done':
          bar.value = 1;
          end('Done.');
          break;
        case 'cancelled':
          end('Cancelled; what was measured before stays.');
          break;
        case 'failed':
          end(`The run failed: ${stage.message}`);
          break;
      }
    },
  };
}

/** Builds the view in its panel. */
export async function startBenchmark(panel: HTMLElement): Promise<void> {
  const around = await surroundings();
  const form = makeForm(around);
  const progress = makeProgress();
  const results = makeResults();
  const start = h('button', { type: 'submit', class: 'button primary', id: 'start' }, 'Run');
  const cancel = h('button', { type: 'button', class: 'button', id: 'cancel', disabled: true }, 'Cancel');
  let run: BenchmarkRun | undefined;

  const setBusy = (isBusy: boolean): void => {
    form.setBusy(isBusy);
    start.disabled = isBusy;
    cancel.disabled = !isBusy;
  };
  form.element.append(h('div', { class: 'buttons actions' }, start, cancel), progress.element);
  form.element.addEventListener('submit', (event) => {
    event.preventDefault();
    const request = form.request();
    if (request === undefined) return;
    setBusy(true);
    progress.show({ kind: 'running', fraction: 0, doing: 'starting' });
    run = new BenchmarkRun(request, around.machine, {
      report: (report) => results.show(report),
      stage(stage) {
        progress.show(stage);
        if (stage.kind === 'running') return;
        setBusy(false);
        // The button that was pressed is disabled now; the keyboard goes on from the other one.
        if (document.activeElement === document.body) start.focus();
      },
    });
    cancel.focus();
  });
  cancel.addEventListener('click', () => {
    cancel.disabled = true;
    run?.cancel();
  });

  panel.append(
    h('h1', {}, 'Soft-label losses in this browser'),
    h(
      'p',
      { class: 'lead' },
      'Value and gradient of each loss, on every backend that runs here, against what memory allows and against what others use. ' +
        'Everything is computed on this machine, nothing is sent.',
    ),
    machineList(around),
    ...(around.isIsolated ? [] : [isolationNotice()]),
    form.element,
    results.element,
  );
}
