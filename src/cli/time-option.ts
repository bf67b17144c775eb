// Times on the command line: a moment, or how long ago.
import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** RFC 3339 of `2026-11-24T08:00:00Z`, or of `90s`, `15m`, `2h`, `1d` before now. */
export function timeOption(text: string, now = Date.now()): string {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago !== null) {
    const at = now - Number(ago[1]) * UNIT_MS[ago[2]!]!;
    if (at >= 0) return new Date(at).toISOString();
  } else if (
    /^\d{4}-\d\d-\d\d[Tt ]/.test(text) &&
    /(?:[Zz]|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  )
    // As it is: the agent takes nanoseconds.
    return text.replace(' ', 'T');
  throw new InvalidArgumentError('It must be a time like 2026-11-24T08:00:00Z, or how long ago, like 15m.');
}
