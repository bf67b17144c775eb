// Whether the agent answers, and its status, asked again and again while the page is visible.
//
// live:          the last request was answered; the next one in two seconds
// lost:          it was not; the next one after a pause that doubles up to 15 s, or when somebody wants it now
// unauthorized:  a token is needed; nothing is asked until one was entered
// A status with another start time is another run: everything that was shown is of the past, and pages start anew.
import { signal } from '@preact/signals';
import type { StatusJson } from '../../src/api/index.ts';
import { ask } from './api.ts';
import { setToken, token } from './token.ts';

export type Connection =
  | { readonly state: 'connecting' | 'live' }
  | { readonly state: 'lost'; readonly reason: string; readonly retryAt: number }
  | { readonly state: 'unauthorized'; readonly reason: string | null };

export const connection = signal<Connection>({ state: 'connecting' });
export const status = signal<StatusJson | null>(null);
/** Raised when the agent was started anew: what belongs to a run is forgotten. */
export const run = signal(0);

const PERIOD_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

let wake = () => {};
let waiting = new Set<() => void>();

/** Runs as long as the page. */
export async function watchAgent(): Promise<never> {
  document.addEventListener('visibilitychange', () => wake());
  let retryMs = FIRST_RETRY_MS;
  for (;;) {
    await visible();
    const answer = await ask('status');
    if (answer.ok) {
      retryMs = FIRST_RETRY_MS;
      setStatus(answer.value);
      connection.value = { state: 'live' };
      for (const resolve of waiting) resolve();
      waiting = new Set();
      await pause(PERIOD_MS);
    } else if (answer.failure.kind === 'unauthorized') {
      connection.value = {
        state: 'unauthorized',
        reason: token.value === null ? null : answer.failure.detail,
      };
      await pause(null);
    } else {
      connection.value = { state: 'lost', reason: answer.failure.detail, retryAt: Date.now() + retryMs };
      await pause(retryMs);
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
  }
}

/** Asks now instead of at the end of the pause. */
export const checkNow = (): void => wake();

export function enterToken(value: string | null): void {
  setToken(value);
  wake();
}

/** Resolves when the agent answers: at once when it did. */
export async function live(): Promise<void> {
  if (connection.value.state !== 'live') await new Promise<void>((resolve) => waiting.add(resolve));
}

function setStatus(next: StatusJson): void {
  const before = status.peek();
  status.value = next;
  if (before === null || before.started_at === next.started_at) return;
  // Another version brings other pages.
  if (before.version !== next.version) location.reload();
  run.value++;
}

function pause(ms: number | null): Promise<void> {
  return new Promise((resolve) => {
    const timer = ms === null ? undefined : setTimeout(() => wake(), ms);
    wake = () => {
      clearTimeout(timer);
      wake = () => {};
      resolve();
    };
  });
}

async function visible(): Promise<void> {
  while (document.hidden) await pause(null);
}
