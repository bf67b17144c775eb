// The SystemCallFilter= of a unit as systemd resolves it, for 64-bit machines and without a systemd.

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** What the groups of systemd 252 have in them (`systemd-analyze syscall-filter`); newer versions only add. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  '@aio': words(
    'io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup',
  ),
  '@chown': words('chown fchown fchownat lchown'),
  '@keyring': words('add_key keyctl request_key'),
  '@system-service': words(`
  accept accept4 access add_key alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres
  clock_gettime clock_nanosleep clone clone3 close close_range connect copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat
  exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchown fchownat fcntl
  fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatat64 fstatfs fstatfs64 fsync
  ftruncate futex futex_waitv futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents
  getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
  getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid
  getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
  io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup ioctl ioprio_get ioprio_set
  kcmp keyctl kill lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat
  madvise mbind membarrier memfd_create migrate_pages mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap
  move_pages mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl
  msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat
  openat2 pause personality pidfd_open pidfd_send_signal pipe pipe2 poll ppoll prctl pread64 preadv preadv2
  prlimit64 process_madvise process_vm_readv process_vm_writev pselect6 pwrite64 pwritev pwritev2 read
  readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat
  renameat2 request_key restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
  rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
  sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield select semctl semget semop semtimedop sendfile
  sendmmsg sendmsg sendto set_mempolicy set_robust_list set_thread_area set_tid_address setfsgid setfsuid
  setgid setgroups setitimer setns setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid
  setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socket
  socketpair splice stat statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee
  tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
  timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat unshare userfaultfd utime
  utimensat utimes vfork vmsplice wait4 waitid write writev`),
};

/**
 * The calls that a unit allows. The first line says what kind of list it is, here one of what is allowed; further ones add
 * to it, and with ~ take away (systemd.exec(5)). Throws for a unit that begins otherwise and for an unknown group.
 */
export function allowedSystemCalls(unit: string): ReadonlySet<string> {
  const allowed = new Set<string>();
  const lines = [...unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)];
  if (lines.length === 0 || lines[0]![1] === '~') throw new Error('the unit has no list of allowed calls');
  for (const [, not, names] of lines) {
    for (const name of words(names!)) {
      const members = name.startsWith('@') ? GROUPS[name] : [name];
      if (members === undefined) throw new Error(`${name} is not in the table`);
      for (const one of members) {
        if (not === '~') allowed.delete(one);
        else allowed.add(one);
      }
    }
  }
  return allowed;
}
