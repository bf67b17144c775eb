// What loading gives: the programs, and everything that reading needs.

/** What does not change while a program is loaded. */
export interface ProgramFacts {
  /** e.g. `tp_btf/sched_process_exec` */
  readonly hook: string;
  /** The kernel's name of it, at most 15 characters. */
  readonly name: string;
  /** Number in this kernel, until it is unloaded. */
  readonly id: number;
  /** Hash of its instructions by the kernel: the same program has the same on every node. */
  readonly tag: string;
  /** Instructions that the verifier walked through; null before Linux 5.16. */
  readonly verifiedInstructions: number | null;
}

export interface AttachedProgram {
  /** As the kernel had it when it was loaded. */
  readonly facts: ProgramFacts;
  /** Null once privileges are given up: a program can be run by its descriptor, whoever holds it. */
  readonly programFd: number | null;
}

/** Everything that reading needs. `close` detaches and gives all memory back. */
export interface LoadedPrograms {
  readonly ringFd: number;
  readonly ringBytes: number;
  readonly countersFd: number;
  readonly possibleCpus: number;
  readonly programs: readonly AttachedProgram[];
  /** The task iterator; null where the kernel has none (no BTF). */
  readonly snapshotProgram: AttachedProgram | null;
  /** The kernel may skip programs of exec and exit, in spite of their copies: KernelFeatures.tracepointsPreemptible. */
  readonly preemptible: boolean;
  /** The kernel gives names of cgroups; where it is locked down to confidentiality it does not. */
  readonly readsKernel: boolean;
  readonly snapshotLinkFd: number | null;
  /** Of every link, the task iterator's among them: a program is attached as long as its link is open. */
  readonly linkFds: readonly number[];
  /** CLOCK_BOOTTIME when all were attached: whatever happens later is in the ring or counted as lost. */
  readonly attachedNs: bigint;
  /** Takes the programs off their hooks; ring and counters stay. */
  detach(): void;
  close(): void;
}
