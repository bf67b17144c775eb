// Text from processes made harmless, and figures made readable; for terminals and for the dashboard.

// C0 and C1 controls, and what reorders or hides text (Unicode TR36: bidirectional controls, zero width, tags).
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Control characters as escapes: nothing that a process is called can steer a terminal or turn the text around it. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const hex = char.codePointAt(0)!.toString(16);
    return SHORT[char] ?? (hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`);
  });
}

/** The same for text of several lines, such as an error that quotes what it was given. */
export const harmlessLines = (text: string): string => text.split('\n').map(harmless).join('\n');

/** A command line as one would type it: arguments with blanks, quotes or escapes are quoted. */
export function commandText(argv: readonly string[]): string {
  return argv
    .map((argument) => {
      const safe = harmless(argument);
      return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
    })
    .join(' ');
}

/** At most `width` characters, without half of a surrogate pair at the end. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return `${text.slice(0, Math.max(0, width - 1)).replace(/[\ud800-\udbff]$/, '')}…`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A span of time in its two largest units: `1.24ms`, `3.1s`, `2h05m`, `5d03h`. */
export function durationText(seconds: number): string {
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)}µs`;
  // Above, three digits would be rounded to 1.00e+3.
  if (seconds < 0.9995) return `${(seconds * 1e3).toPrecision(3)}ms`;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const pad = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${pad((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${pad((seconds % 86_400) / 3600)}h`;
}

/** How long from one time to another, to the digits that they have; a dash when one of them is no time. */
export function spanText(from: string, to: string): string {
  if ([from, to].some((time) => Number.isNaN(Date.parse(time)))) return '–';
  return durationText(Math.max(0, Number(nanosOf(to) - nanosOf(from)) / 1e9));
}

/** Nanoseconds since 1970, all of them: a Date would cut them off. Throws RangeError for what is no time. */
export function nanosOf(time: string): bigint {
  const fraction = (/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(9, '0').slice(0, 9);
  return BigInt(Math.floor(Date.parse(time) / 1000)) * 1_000_000_000n + BigInt(fraction);
}

/** Counts with thousands separated. */
export const countText = (count: number): string => count.toLocaleString('en');
