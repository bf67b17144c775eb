// Which system calls the running agent may make: what Node needs, files, sockets, a process for the self-test, and of bpf(2)
// only what reads. Everything else is refused with EPERM (seccomp.ts). deploy/profiles/seccomp.json allows more, for
// the start.

/** A condition on an argument. `in`: one of these values; `without`: none of these bits. */
export interface ArgumentRule {
  readonly index: number;
  readonly in?: readonly number[];
  readonly without?: number;
}

export interface ConditionalCall {
  readonly name: string;
  readonly argument: ArgumentRule;
}

export const ALLOWED: readonly string[] = [
  // Itself: identity, limits, memory, threads.
  ...['arch_prctl', 'brk', 'capget', 'capset', 'execve', 'exit', 'exit_group', 'get_robust_list', 'getcpu'],
  ...['getegid', 'geteuid', 'getgid', 'getgroups', 'getpgid', 'getpgrp', 'getpid', 'getppid', 'getpriority'],
  ...['getrandom', 'getresgid', 'getresuid', 'getrlimit', 'getrusage', 'getsid', 'gettid', 'getuid'],
  ...['madvise', 'membarrier', 'mincore', 'mmap', 'mprotect', 'mremap', 'munmap', 'prctl'],
  ...['pkey_alloc', 'pkey_free', 'pkey_mprotect', 'rseq', 'sched_getaffinity', 'sched_getparam'],
  ...['sched_getscheduler', 'sched_yield', 'sched_get_priority_max', 'sched_get_priority_min'],
  ...['set_robust_list', 'set_tid_address', 'setrlimit', 'sysinfo', 'times', 'umask', 'uname'],
  ...['futex', 'futex_waitv'],
  // Time and signals. Whom a signal may reach is up to Landlock, from Linux 6.12.
  ...[
    'clock_adjtime',
    'clock_getres',
    'clock_gettime',
    'clock_nanosleep',
    'gettimeofday',
    'nanosleep',
    'restart_syscall',
  ],
  ...['kill', 'rt_sigaction', 'rt_sigpending', 'rt_sigprocmask', 'rt_sigreturn', 'rt_sigsuspend'],
  ...['rt_sigtimedwait', 'sigaltstack', 'tgkill', 'time'],
  // The self-test's process.
  ...['vfork', 'wait4', 'waitid', 'dup', 'dup2', 'dup3', 'pipe', 'pipe2'],
  // Files. Where something may be written is up to Landlock.
  ...[
    'access',
    'chdir',
    'close',
    'close_range',
    'faccessat',
    'faccessat2',
    'fadvise64',
    'fcntl',
    'fdatasync',
  ],
  ...[
    'flock',
    'fstat',
    'fstatfs',
    'fsync',
    'ftruncate',
    'getcwd',
    'getdents',
    'getdents64',
    'lseek',
    'lstat',
  ],
  ...['mkdir', 'mkdirat', 'newfstatat', 'open', 'openat', 'pread64', 'preadv', 'preadv2', 'pwrite64'],
  ...['pwritev', 'pwritev2', 'read', 'readlink', 'readlinkat', 'readv', 'rename', 'renameat', 'renameat2'],
  ...['rmdir', 'stat', 'statfs', 'statx', 'unlink', 'unlinkat', 'write', 'writev'],
  // Events and sockets.
  ...['epoll_create', 'epoll_create1', 'epoll_ctl', 'epoll_pwait', 'epoll_pwait2', 'epoll_wait', 'eventfd'],
  ...['eventfd2', 'inotify_add_watch', 'inotify_init1', 'inotify_rm_watch', 'poll', 'ppoll', 'pselect6'],
  ...['select', 'timerfd_create', 'timerfd_gettime', 'timerfd_settime'],
  ...[
    'accept',
    'accept4',
    'bind',
    'connect',
    'getpeername',
    'getsockname',
    'getsockopt',
    'listen',
    'recvfrom',
  ],
  ...['recvmmsg', 'recvmsg', 'sendmmsg', 'sendmsg', 'sendto', 'setsockopt', 'shutdown', 'socketpair'],
];

/** enum bpf_cmd, include/uapi/linux/bpf.h. */
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_ITER_CREATE = 33;
/** include/linux/socket.h: no packet sockets and the like. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
/** Every CLONE_NEW… that clone(2) knows, include/uapi/linux/sched.h. */
const NEW_NAMESPACES = 0x7e02_0000;
/** FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TCSETS, TCSETSW, TIOCGWINSZ, TIOCGPGRP; TCGETS2, TCSETS2, TCSETSW2; SIOCGIFINDEX: asm-generic/ioctls.h, linux/sockios.h. */
const HARMLESS_REQUESTS = [
  ...[0x541b, 0x5421, 0x5451, 0x5450, 0x5401, 0x5402, 0x5403, 0x5413, 0x540f],
  ...[0x802c542a, 0x402c542b, 0x402c542c, 0x8933],
];

/**
 * By number: uretprobe(2), which libseccomp 2.5 does not know. Linux 6.11 and 6.12 let a probe that somebody has put on a function's
 * return make this call in the agent's name; refused, it ends the agent.
 */
export const ALLOWED_NUMBERS: Readonly<Partial<Record<NodeJS.Architecture, readonly number[]>>> = {
  x64: [335],
};

export const CONDITIONAL: readonly ConditionalCall[] = [
  {
    name: 'bpf',
    argument: { index: 0, in: [BPF_MAP_LOOKUP_ELEM, BPF_OBJ_GET_INFO_BY_FD, BPF_ITER_CREATE] },
  },
  { name: 'socket', argument: { index: 0, in: [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] } },
  { name: 'clone', argument: { index: 0, without: NEW_NAMESPACES } },
  // Its own limits: those of others are a way to end them.
  { name: 'prlimit64', argument: { index: 0, in: [0] } },
  { name: 'ioctl', argument: { index: 1, in: HARMLESS_REQUESTS } },
];

/** Said to be unknown rather than forbidden: glibc then takes clone(2), whose flags can be looked at. */
export const UNKNOWN: readonly string[] = ['clone3'];
