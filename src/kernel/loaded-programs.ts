// What loading gives: the programs, and everything that reading needs.

/** What does not change while a program is loaded. */
export interface ProgramFacts {
  /** The file that it is from, without `.bpf.o`. */
  readonly object: string;
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
  /** It is attached as long as this is open. */
  readonly linkFd: number;
  /** Null once privileges are given up: a program can be run by its descriptor, whoever holds it. */
  readonly programFd: number | null;
}

/** One object (src/kernel/objects.ts) that is loaded and attached. */
export interface LoadedObject {
  readonly name: string;
  readonly programs: readonly AttachedProgram[];
  /** Descriptors of the maps that readers need, by their names. */
  readonly maps: Readonly<Record<string, number>>;
}

/** One that is not, and that the agent can do without. */
export interface MissingObject {
  readonly name: string;
  /** What is missing without it, in words. */
  readonly without: string;
  /** What the kernel said; null when it was not asked, since the object has no build for it. */
  readonly reason: string | null;
}

/** Everything that reading needs. `close` detaches and gives all memory back. */
export interface LoadedPrograms {
  readonly objects: readonly LoadedObject[];
  readonly missing: readonly MissingObject[];
  readonly ringBytes: number;
  readonly possibleCpus: number;
  /** The kernel may skip programs of exec and exit, in spite of their copies: KernelFeatures.tracepointsPreemptible. */
  readonly preemptible: boolean;
  /** The kernel gives names of cgroups; where it is locked down to confidentiality it does not. */
  readonly readsKernel: boolean;
  /** CLOCK_BOOTTIME when all on tracepoints were attached: whatever happens later is in the ring or counted as lost. */
  readonly attachedNs: bigint;
  /** Takes the programs off their hooks; ring and counters stay. */
  detach(): void;
  close(): void;
}

type Loaded = Pick<LoadedPrograms, 'objects'>;

export const attachedPrograms = ({ objects }: Loaded): AttachedProgram[] =>
  objects.flatMap(({ programs }) => programs);

/** The descriptor of a map that readers need. Throws a plain Error when there is none of that name. */
export function mapOf({ objects }: Loaded, name: string): number {
  const fd = objects.map(({ maps }) => maps[name]).find((found) => found !== undefined);
  if (fd === undefined) throw new Error(`no object has a map ${name}`);
  return fd;
}

/** The link of the task iterator; null where the kernel has none (no BTF). */
export const snapshotLink = ({ objects }: Loaded): number | null =>
  objects.find(({ name }) => name === 'snapshot')?.programs[0]?.linkFd ?? null;
