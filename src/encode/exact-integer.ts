// 64-bit kernel values in JSON: the digits in the text are exact at any size.

// Not yet in TypeScript's es2024 library; Node has it since version 21.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * A value that `JSON.stringify` writes with all its digits. Up to 2^53 it is a number; above, an object that
 * only JSON.stringify understands, typed as a number because that is what a reader of the text gets.
 */
export function exactInteger(value: bigint): number {
  return value <= SAFE ? Number(value) : (rawJSON(value.toString()) as unknown as number);
}
