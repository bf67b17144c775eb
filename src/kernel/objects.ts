// The objects of kernel programs: how each is built, and what the loader does with it. A further one is an entry here.

/** One way to compile a source; the suffix is that of the object's file. */
export interface Build {
  readonly suffix: '' | '-raw' | '-preemptible' | '-raw-preemptible';
  readonly defines: readonly string[];
}

/** Of programs on tracepoints: with their types from BTF or without, and each for kernels that can preempt tracepoints. */
const ON_TRACEPOINTS: readonly Build[] = [
  { suffix: '', defines: [] },
  { suffix: '-raw', defines: ['-DCOGNITOD_RAW_TP'] },
  { suffix: '-preemptible', defines: ['-DCOGNITOD_PREEMPTIBLE'] },
  { suffix: '-raw-preemptible', defines: ['-DCOGNITOD_RAW_TP', '-DCOGNITOD_PREEMPTIBLE'] },
];
/** Of iterators, which need the kernel's own BTF. */
const ITERATOR: readonly Build[] = [{ suffix: '', defines: [] }];

export interface ObjectSpec {
  /** Of `bpf/NAME.bpf.c`. */
  readonly name: string;
  readonly builds: readonly Build[];
  /**
   * In the order in which they are attached. Copies (EACH_COPY in bpf/turns.h) follow their program by themselves: the
   * kernel runs the programs of a hook in the order in which they were attached.
   */
  readonly programs: readonly string[];
  /** Maps that are those of an object before it. */
  readonly shares: readonly string[];
  /** Maps whose descriptors the readers get. No other outlives the start. */
  readonly read: readonly string[];
  /** What is missing without it, in words for status and doctor; null when there is no agent without it. */
  readonly without: string | null;
}

/** In the order in which they are loaded. */
export const OBJECTS: readonly ObjectSpec[] = [
  {
    name: 'lifecycle',
    builds: ON_TRACEPOINTS,
    // exit first and fork last: whoever is announced by a fork is sure to have its exit told, and its cgroups named.
    programs: [
      ...['on_cgroup_rmdir', 'on_cgroup_attach', 'on_cgroup_mkdir'],
      ...['sched_process_exit', 'sched_process_exec', 'sched_process_fork'],
    ],
    shares: [],
    read: ['ring', 'counters'],
    without: null,
  },
  {
    name: 'snapshot',
    builds: ITERATOR,
    programs: ['list_tasks'],
    shares: [],
    read: [],
    without:
      'the kernel lists no tasks: those older than the agent are read from /proc, and known by their start to 10 ms',
  },
];

/** Of every object's file, without `.bpf.o`. */
export const OBJECT_FILES: readonly string[] = OBJECTS.flatMap(({ name, builds }) =>
  builds.map(({ suffix }) => `${name}${suffix}`),
);
