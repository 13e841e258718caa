/** Tabs as the ARIA Authoring Practices describe them: arrow keys, Home and End move; the address remembers which is open. */

/** Connects the tabs of a list to their panels. `opened` is called when a tab is shown for the first time. */
export function startTabs(list: HTMLElement, opened: (name: string) => void): void {
  const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
  const seen = new Set<string>();
  const nameOf = (tab: HTMLElement): string => tab.dataset['view'] ?? '';

  const select = (chosen: HTMLElement): void => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute('aria-selected', String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
      if (panel !== null) panel.hidden = !isChosen;
    }
    const name = nameOf(chosen);
    if (seen.has(name)) return;
    seen.add(name);
    opened(name);
  };

  const named = (): HTMLElement | undefined => {
    const [view] = location.hash.slice(1).split('?');
    return tabs.find((tab) => nameOf(tab) === view);
  };

  const open = (tab: HTMLElement): void => {
    history.replaceState(null, '', `#${nameOf(tab)}`);
    select(tab);
  };

  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener('click', () => open(tab));
    tab.addEventListener('keydown', (event) => {
      const last = tabs.length - 1;
      const to = {
        ArrowRight: i === last ? 0 : i + 1,
        ArrowLeft: i === 0 ? last : i - 1,
        Home: 0,
        End: last,
      }[event.key];
      const next = to === undefined ? undefined : tabs[to];
      if (next === undefined) return;
      event.preventDefault();
      next.focus();
      open(next);
    });
  }
  addEventListener('hashchange', () => {
    const tab = named();
    if (tab !== undefined) select(tab);
  });
  const first = named() ?? tabs[0];
  if (first !== undefined) select(first);
}
