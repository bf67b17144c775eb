// The scripts that a shell loads: they hand the words to `cognitod __complete` and its lines to the shell, and know nothing else.
// Nothing that the agent says is evaluated there: no eval, and no `compgen -W`, which expands what it is given.
import { readFileSync } from 'node:fs';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export const scriptOf = (shell: Shell): string =>
  readFileSync(new URL(`cognitod.${shell}`, import.meta.url), 'utf8');
