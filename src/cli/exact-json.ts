// Reads JSON without rounding: 64-bit values of the agent keep all their digits when they are written again.

// Not yet in TypeScript's es2024 library; Node has both since version 21.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };
type ExactReviver = (key: string, value: unknown, context: { source: string }) => unknown;

/** Something like an integer above 2^53 = 9.007e15; may also match within a string, which costs time only. */
const MAY_BE_ROUNDED = /[:,[]\s*-?(?:9\d{15}|\d{17})/;

/**
 * Like JSON.parse, but integers that a number cannot hold become objects that JSON.stringify writes with all
 * their digits. `undefined` when there are none: then JSON.parse was exact.
 */
export function parseExact(text: string): unknown {
  if (!MAY_BE_ROUNDED.test(text)) return undefined;
  const keep: ExactReviver = (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? rawJSON(source)
      : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}
