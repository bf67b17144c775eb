// The public id of a process: boot, pid and start time in one short string.

/**
 * `<8 hex of the boot id>-<pid>-<start>`, pid and start (CLOCK_BOOTTIME ns) in base 36.
 * The same process has the same id in every agent on the node and after an agent restart.
 */
export function formatProcessId(bootId: string, pid: number, startNs: bigint): string {
  return `${bootId.slice(0, 8)}-${pid.toString(36)}-${startNs.toString(36)}`;
}

/** The pid and start of a process id; null when it is malformed or of another boot. */
export function parseProcessId(bootId: string, id: string): { pid: number; startNs: bigint } | null {
  const match = /^([0-9a-f]{8})-([0-9a-z]{1,7})-([0-9a-z]{1,13})$/.exec(id);
  if (match === null || match[1] !== bootId.slice(0, 8)) return null;
  let startNs = 0n;
  for (const digit of match[3]!) startNs = startNs * 36n + BigInt(Number.parseInt(digit, 36));
  return { pid: Number.parseInt(match[2]!, 36), startNs };
}
