// Whoever has taken the agent over: starts as the agent does, with its descriptors and under its confinement, and then tries
// what it can. Prints, by attack, what became of it: `done`, or why not. Argument: Attempt as JSON.
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';
import { attachedPrograms, mapOf } from '../../src/kernel/index.ts';
import { startPrivileged } from '../../src/start/index.ts';

export interface Attempt {
  readonly configuration: Readonly<Record<string, unknown>>;
  /** A file that it may not write, a process of somebody else. */
  readonly file: string;
  readonly victim: number;
}

export type Outcomes = Readonly<Record<string, readonly string[]>>;

const attempt = JSON.parse(process.argv[2]!) as Attempt;
// Does not return the first time, where privileges are given up.
const start = startPrivileged({
  configFile: undefined,
  checkConfig: false,
  overrides: attempt.configuration,
  env: process.env,
});
if (start?.opened.kind !== 'ebpf') throw new Error('no eBPF');
const { programs } = start.opened;
const attached = attachedPrograms(programs);

const libc = koffi.load('libc.so.6');
const libbpf = koffi.load('libbpf.so.1');
/** Those that return -1 and errno; libbpf's give a negative number and set errno too. */
const call = (lib: typeof libc, prototype: string) => {
  const made = lib.func(prototype);
  return (...args: unknown[]): string => {
    koffi.errno(0);
    const result = Number(made(...args));
    if (result >= 0) return 'done';
    const errno = koffi.errno();
    return ERRORS.get(errno) ?? `errno ${errno}`;
  };
};
const ERRORS = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));

const caught = (what: () => void): string => {
  try {
    what();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
};

/** Only what bpf(2) knows: programs, maps, links. */
const bpfDescriptors = readdirSync('/proc/self/fd')
  .map(Number)
  .filter((fd) => {
    try {
      return /^anon_inode:\[?bpf/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  });
const onEach = (what: (fd: number) => string) => bpfDescriptors.map(what);

/** bpf/bpf.h of libbpf 1.1. */
koffi.struct('bpf_test_run_opts', {
  sz: 'size_t',
  data_in: 'const void *',
  data_out: 'void *',
  data_size_in: 'uint32_t',
  data_size_out: 'uint32_t',
  ctx_in: 'const void *',
  ctx_out: 'void *',
  ctx_size_in: 'uint32_t',
  ctx_size_out: 'uint32_t',
  retval: 'uint32_t',
  repeat: 'int',
  duration: 'uint32_t',
  flags: 'uint32_t',
  cpu: 'uint32_t',
  batch_size: 'uint32_t',
});
const context = Buffer.alloc(64);
const runOptions = { sz: koffi.sizeof('bpf_test_run_opts'), ctx_in: context, ctx_size_in: context.length };

const zero = Buffer.alloc(4096);
const bpf = {
  run: call(libbpf, 'int bpf_prog_test_run_opts(int fd, bpf_test_run_opts *options)'),
  update: call(libbpf, 'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)'),
  remove: call(libbpf, 'int bpf_map_delete_elem(int fd, const void *key)'),
  freeze: call(libbpf, 'int bpf_map_freeze(int fd)'),
  attach: call(libbpf, 'int bpf_raw_tracepoint_open(const char *name, int fd)'),
  link: call(libbpf, 'int bpf_link_create(int fd, int target, int type, void *options)'),
  replace: call(libbpf, 'int bpf_link_update(int link, int program, void *options)'),
  detach: call(libbpf, 'int bpf_link_detach(int link)'),
  pin: call(libbpf, 'int bpf_obj_pin(int fd, const char *path)'),
  programById: call(libbpf, 'int bpf_prog_get_fd_by_id(uint32_t id)'),
  nextMap: call(libbpf, 'int bpf_map_get_next_id(uint32_t start, void *next)'),
  createMap: call(
    libbpf,
    'int bpf_map_create(int type, const char *name, uint32_t key, uint32_t value, uint32_t entries, void *options)',
  ),
};
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_TRACE_RAW_TP = 23;
const CLONE_NEWUSER = 0x10000000;
const PTRACE_ATTACH = 16;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const RLIMIT_NOFILE = 7;

const outcomes: Record<string, readonly string[]> = {
  'run a program': onEach((fd) => bpf.run(fd, runOptions)),
  'write the counters': [bpf.update(mapOf(programs, 'counters'), zero, zero, 0)],
  'remove from a map': onEach((fd) => bpf.remove(fd, zero)),
  'freeze a map': onEach((fd) => bpf.freeze(fd)),
  'attach a program again': onEach((fd) => bpf.attach('sched_process_fork', fd)),
  'link a program again': onEach((fd) => bpf.link(fd, 0, BPF_TRACE_RAW_TP, null)),
  'replace the program of a link': attached.flatMap(({ linkFd: link }) =>
    bpfDescriptors.map((fd) => bpf.replace(link, fd, null)),
  ),
  'detach by force': attached.map(({ linkFd }) => bpf.detach(linkFd)),
  'pin what is open': onEach((fd) => bpf.pin(fd, `/sys/fs/bpf/attacker-${process.pid}-${fd}`)),
  'a program by its number': attached.map(({ facts }) => bpf.programById(facts.id)),
  'list maps': [bpf.nextMap(0, Buffer.alloc(4))],
  'make a map': [bpf.createMap(BPF_MAP_TYPE_ARRAY, 'attacker', 4, 4, 1, null)],
  trace: [
    call(libc, 'long ptrace(int request, int pid, void *address, void *data)')(
      PTRACE_ATTACH,
      attempt.victim,
      null,
      null,
    ),
  ],
  'a user namespace': [call(libc, 'int unshare(int flags)')(CLONE_NEWUSER)],
  'a packet socket': [call(libc, 'int socket(int domain, int type, int protocol)')(AF_PACKET, SOCK_RAW, 0)],
  'write a file': [caught(() => writeFileSync(attempt.file, 'attacked'))],
  'change the mode of a file': [caught(() => chmodSync(attempt.file, 0o666))],
  'start a program': [
    caught(() => {
      const { error } = spawnSync('/bin/true');
      if (error !== undefined) throw error;
    }),
  ],
  'limit another process': [
    call(libc, 'int prlimit(int pid, int resource, const void *limits, void *old)')(
      attempt.victim,
      RLIMIT_NOFILE,
      Buffer.from(new BigUint64Array([64n, 64n]).buffer),
      null,
    ),
  ],
  signal: [caught(() => process.kill(attempt.victim, 'SIGUSR1'))],
  'memory of another': [caught(() => writeFileSync(`/proc/${attempt.victim}/mem`, ''))],
};
process.stdout.write(`${JSON.stringify({ confinement: start.confinement, bpfDescriptors, outcomes })}\n`);
// Leaves at once: whatever the attacks have broken is not cleaned up by anybody.
process.exit(0);
