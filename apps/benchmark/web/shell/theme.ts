/** Dark or light: as the system has it, until the visitor chooses. */

type Theme = 'light' | 'dark';

const key = 'softxent-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

/** Storage may be forbidden; the choice is then good for this visit. */
function stored(): Theme | undefined {
  try {
    const value = localStorage.getItem(key);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(key, theme);
  } catch {
    // The choice lasts as long as the page.
  }
}

/** Makes the button switch the page's scheme, and applies an earlier choice. */
export function startTheme(button: HTMLButtonElement): void {
  let chosen = stored();
  const show = (): void => {
    const theme = chosen ?? (dark.matches ? 'dark' : 'light');
    if (chosen !== undefined) document.documentElement.dataset['theme'] = chosen;
    button.setAttribute('aria-pressed', String(theme === 'dark'));
  };
  button.addEventListener('click', () => {
    const now = chosen ?? (dark.matches ? 'dark' : 'light');
    chosen = now === 'dark' ? 'light' : 'dark';
    store(chosen);
    show();
  });
  dark.addEventListener('change', show);
  show();
}
