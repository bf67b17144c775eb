// Figures and times as the pages show them.
import { countText } from '../../src/lib/text.ts';

export {
  bytesText,
  commandText,
  countText,
  cut,
  durationText,
  harmless,
  nanosOf,
  spanText,
} from '../../src/lib/text.ts';

/** `1 record`, `1,200 records`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A rate with as many digits as it deserves. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0';
  if (perSecond < 10) return perSecond.toFixed(1);
  return Math.round(perSecond).toLocaleString('en');
}

/** A share in per cent; a dash when there is nothing to share. */
export function percentText(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((part / whole) * 100).toFixed(1)} %`;
}

/** A share in per cent that is 100 only when nothing is missing; a dash when there is nothing to share. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '–';
  if (part === whole) return '100 %';
  return `${Math.min(99.99, Math.floor((part / whole) * 10_000) / 100).toFixed(2)} %`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Time of day with milliseconds, in the reader's time zone. */
export function clockText(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? '–'
    : `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

const today = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const otherDay = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

/** When something began: of today the time, of another day the day too. */
export function sinceText(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '–';
  return (date.toDateString() === new Date().toDateString() ? today : otherDay).format(date);
}

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export function dateText(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '–' : day.format(date);
}

/** The time of so many nanoseconds since 1970. */
export function timeOfNanos(nanos: bigint): string {
  const second = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${second}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** How an exit reads: `exit 2`, `SIGKILL`. */
export function exitText(
  code: number | null | undefined,
  signal: string | number | null | undefined,
): string {
  if (signal !== null && signal !== undefined)
    return typeof signal === 'number' ? `signal ${signal}` : signal;
  return code === null || code === undefined ? 'ended' : `exit ${code}`;
}
