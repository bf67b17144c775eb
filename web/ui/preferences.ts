// What the reader chose: theme, and whether single keys are shortcuts.
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];
const THEME_KEY = 'cognitod-theme';
const SHORTCUTS_KEY = 'cognitod-shortcuts';

export const theme = signal<Theme>(THEMES.find((one) => one === localStorage.getItem(THEME_KEY)) ?? 'auto');
/** WCAG 2.1.4: shortcuts of one character can be turned off. */
export const shortcutsOn = signal(localStorage.getItem(SHORTCUTS_KEY) !== 'off');
/** Raised when colours change: charts are drawn with them. */
export const paint = signal(0);

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
}

export function watchPreferences(): void {
  theme.subscribe((value) => {
    if (value === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    localStorage.setItem(THEME_KEY, value);
    paint.value++;
  });
  shortcutsOn.subscribe((on) => localStorage.setItem(SHORTCUTS_KEY, on ? 'on' : 'off'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    paint.value++;
  });
}
