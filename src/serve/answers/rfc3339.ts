// Times of queries, exact to the nanosecond.

/** Nanoseconds since 1970 of an RFC 3339 time that the contract has checked; finer digits are cut. */
export function unixNs(time: string): bigint {
  const [, seconds, fraction = '', offset] = /^(.{19})(?:\.(\d+))?(.+)$/.exec(time)!;
  return BigInt(Date.parse(seconds + offset!)) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}
