/** Starts the page. Each view is loaded when it is first opened. */
import { byId, h } from './dom.js';
import { startTabs } from './shell/tabs.js';
import { startTheme } from './shell/theme.js';

type Start = (panel: HTMLElement) => void | Promise<void>;

const views: Readonly<Record<string, () => Promise<Start>>> = {
  benchmark: async () => (await import('./benchmark/view.js')).startBenchmark,
  explain: async () => (await import('./explain/view.js')).startExplain,
};

async function open(name: string): Promise<void> {
  const panel = byId(`panel-${name}`, HTMLElement);
  panel.setAttribute('aria-busy', 'true');
  try {
    const start = await views[name]?.();
    await start?.(panel);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    panel.append(h('p', { class: 'notice', role: 'alert' }, `This view could not be opened: ${message}`));
    throw error;
  } finally {
    panel.removeAttribute('aria-busy');
  }
}

startTheme(byId('theme', HTMLButtonElement));
startTabs(byId('tabs', HTMLElement), (name) => void open(name));
