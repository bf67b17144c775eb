// The namespaces that a container runtime would give the agent, without a runtime.

export interface NamespaceOptions {
  /** A pid namespace of its own, with its own /proc. */
  readonly pids: boolean;
  readonly cgroups: boolean;
  /** An existing folder, where the host's /proc is then; only with `pids`. */
  readonly hostProc?: string;
}

/** The start of a command line whose rest runs inside. Nothing outside sees the mounts. */
export function ownNamespaces({ pids, cgroups, hostProc }: NamespaceOptions): string[] {
  const flags = ['--mount', '--propagation', 'private'];
  if (pids) flags.push('--pid', '--fork', '--kill-child');
  if (cgroups) flags.push('--cgroup');
  const steps = ['exec "$@"'];
  if (pids) steps.unshift('mount -t proc proc /proc');
  if (hostProc !== undefined) steps.unshift(`mount --bind -o ro /proc '${hostProc}'`);
  return ['unshare', ...flags, 'sh', '-c', steps.join(' && '), 'sh'];
}
