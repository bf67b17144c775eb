// Keys that work on every page, and the list of them.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { signal } from '@preact/signals';
import { nextTheme, shortcutsOn } from './preferences.ts';
import { go, PAGES } from './route.ts';

export const helpOpen = signal(false);

const KEYS: readonly (readonly [string, string])[] = [
  ['1 2 3 4', 'Now, Processes, Events, Node'],
  ['/', 'to the search or the first filter'],
  ['Space', 'pause or resume the events'],
  ['↑ ↓ PgUp PgDn Home End', 'move in a table'],
  ['→ ←', 'unfold, fold'],
  ['Enter', 'open the active row'],
  ['Esc', 'close what is open'],
  ['t', 'theme: as the system, light, dark'],
  ['?', 'this list'],
];

export function watchShortcuts(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!shortcutsOn.value || helpOpen.value || isTyping(event.target)) return;
    const page = PAGES[Number(event.key) - 1];
    if (page !== undefined) go({ page });
    else if (event.key === '?') helpOpen.value = true;
    else if (event.key === 't') nextTheme();
    else if (event.key === '/') document.querySelector<HTMLElement>('[data-search]')?.focus();
    else if (event.key === ' ' && !isControl(event.target))
      document.querySelector<HTMLElement>('[data-pause]')?.click();
    else return;
    event.preventDefault();
  });
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches('input, textarea, select');
const isControl = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches('button, a, summary');

export function Help(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="card" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">Keyboard</h2>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={shortcutsOn.value}
          onChange={(event) => (shortcutsOn.value = event.currentTarget.checked)}
        />
        Single keys are shortcuts
      </label>
      <p class="muted">
        <a href="./assets/licenses.txt">Licences of the libraries in this page</a>
      </p>
      <button type="button" class="primary" onClick={() => (helpOpen.value = false)}>
        Close
      </button>
    </dialog>
  );
}
