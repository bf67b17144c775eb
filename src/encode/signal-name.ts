// Names of signals, as `kill -l` prints them.
import { constants } from 'node:os';

/** First and last real-time signal of glibc, which keeps the kernel's 32 and 33 for itself. */
const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;

/** Second names for a number that has a better known one. */
const ALIASES = new Set(['SIGIOT', 'SIGPOLL', 'SIGUNUSED']);

const names = new Map<number, string>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!ALIASES.has(name)) names.set(number, name);
}

/** `SIGKILL` for 9, `SIGRTMIN+2` for 36, `SIG<n>` for a number without a name. */
export function signalName(signal: number): string {
  const known = names.get(signal);
  if (known !== undefined) return known;
  if (signal === REAL_TIME_MIN) return 'SIGRTMIN';
  if (signal > REAL_TIME_MIN && signal <= REAL_TIME_MAX) return `SIGRTMIN+${signal - REAL_TIME_MIN}`;
  return `SIG${signal}`;
}
