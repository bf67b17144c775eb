// Capability sets as people and /proc write them.

/** By number: include/uapi/linux/capability.h. */
export const CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** The names of the bits of a set as /proc writes it, in hexadecimal; a bit without a name is `CAP_<number>`. */
export function capabilityNames(hex: string): string[] {
  const bits = BigInt(`0x${hex}`);
  const names: string[] = [];
  for (let number = 0; number < 64; number++) {
    if (((bits >> BigInt(number)) & 1n) === 1n) names.push(CAPABILITIES[number] ?? `CAP_${number}`);
  }
  return names;
}

/** A set as /proc/PID/status and our JSON write it: 16 hex digits. `set` is a bit mask below 2^53. */
export function capabilitiesHex(set: number): string {
  return set.toString(16).padStart(16, '0');
}

/**
 * For people: `all`, `none`, or names without `CAP_`, as in a securityContext; of those it has or of those it lacks,
 * whichever are fewer.
 */
export function capabilitiesText(hex: string): string {
  const held = capabilityNames(hex);
  const missing = CAPABILITIES.filter((name) => !held.includes(name));
  if (missing.length === 0) return 'all';
  if (held.length === 0) return 'none';
  const short = (names: readonly string[]) => names.map((name) => name.replace(/^CAP_(?!\d)/, '')).join(', ');
  return missing.length < held.length ? `all but ${short(missing)}` : short(held);
}
