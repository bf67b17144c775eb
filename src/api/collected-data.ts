// What the agent tells of processes, and what it never reads: for auditors. A test compares the fields with the schema of
// events, so that the list cannot fall behind.

export interface CollectedData {
  readonly what: string;
  /** Fields of an event. */
  readonly fields: readonly string[];
}

export const COLLECTED: readonly CollectedData[] = [
  {
    what: 'the event: kind, time, position in the stream, how it was seen',
    fields: ['schema_version', 'type', 'seq', 'time', 'ktime_ns', 'source'],
  },
  {
    what: 'the process and who started it',
    fields: [
      'pid',
      'ppid',
      'process_id',
      'parent_process_id',
      'ns_pid',
      'forker_pid',
      'forker_process_id',
      'caller_tid',
      'session_id',
      'kernel_thread',
      'exec_seq',
    ],
  },
  {
    what: 'users and capabilities of the process',
    fields: ['uid', 'gid', 'euid', 'loginuid', 'cap_effective'],
  },
  {
    what: 'names and arguments of the program, secrets masked',
    fields: ['comm', 'executable', 'argv', 'argc', 'argv_truncated', 'argv_unreadable', 'argv_masked'],
  },
  {
    what: 'the file of the program',
    fields: ['inode', 'device', 'memfd', 'deleted', 'upper_layer', 'interpreter', 'file_name'],
  },
  {
    what: 'namespaces and cgroups',
    fields: [
      'pid_namespace',
      'mnt_namespace',
      'cgroup_namespace',
      'cgroup_id',
      'cgroup_v1_id',
      'cgroup_path',
    ],
  },
  {
    what: 'container, pod and workload',
    fields: [
      'container_id',
      'pod_uid',
      'runtime',
      'qos',
      'unit',
      'user_unit',
      'tags',
      'provenance',
      'cgroup_truncated',
      'claim',
      'namespace',
      'pod_name',
      'pod_labels',
      'pod_annotations',
      'node',
      'service_account',
      'workload_kind',
      'workload_name',
      'container_name',
      'container_kind',
      'image',
      'image_id',
      'container_started_at',
      'container_restart_count',
      'metadata_provenance',
    ],
  },
  {
    what: 'how the process ended and what it used',
    fields: [
      'exit_code',
      'exit_signal',
      'exit_signal_name',
      'core_dumped',
      'cpu_time_ns',
      'max_rss_bytes',
      'minor_faults',
      'major_faults',
      'lifetime_ns',
    ],
  },
];

/** Never read by the agent; what makes it so. */
export const NEVER_COLLECTED: readonly { readonly what: string; readonly because: string }[] = [
  {
    what: 'environments of processes',
    because: 'no program and no code reads them; /proc/PID/environ is never opened',
  },
  {
    what: 'memory of processes, but for the arguments of an exec',
    because:
      'no code opens /proc/PID/mem or calls ptrace; after the start the agent holds nothing that would allow it, unless privileges.keep or privileges.drop say so',
  },
  { what: 'contents of files', because: 'no program is attached to file operations' },
  { what: 'network traffic and its contents', because: 'no program is attached to the network' },
  { what: 'keystrokes and terminal contents', because: 'no program is attached to terminals' },
  {
    what: 'Secrets of Kubernetes',
    because: 'no code asks for them; whether the account may is what `cognitod doctor` checks (permissions)',
  },
];
