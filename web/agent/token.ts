// The token of the API: in this tab only, until it is closed.
import { signal } from '@preact/signals';

const KEY = 'cognitod-token';

export const token = signal<string | null>(sessionStorage.getItem(KEY));

export function setToken(value: string | null): void {
  if (value === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, value);
  token.value = value;
}
