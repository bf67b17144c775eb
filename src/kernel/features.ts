// What the running kernel is like, as far as its BTF tells: features are looked up by type, never by version.
import { readFileSync } from 'node:fs';
import { BtfIndex } from './btf.ts';

export interface KernelFeatures {
  /** The tracepoint of exits says that the whole process ends (Linux 6.16): its second argument after the task. */
  readonly exitTellsGroupDead: boolean;
  /**
   * Tracepoints may be preempted (Linux 7: they run under SRCU), so that the kernel skips a program that a preempted
   * process still runs on the same CPU. True also where the kernel could do so but does not yet: that costs a little and
   * loses nothing.
   */
  readonly tracepointsPreemptible: boolean;
}

export const KERNEL_BTF = '/sys/kernel/btf/vmlinux';

/** The context pointer, the task, group_dead. */
const EXIT_ARGUMENTS = 3;

/** `btf` is the raw BTF of the running kernel. Throws a plain Error when it is none. */
export function kernelFeatures(btf: Uint8Array): KernelFeatures {
  const index = new BtfIndex(btf);
  return {
    exitTellsGroupDead: (index.argumentsOf('btf_trace_sched_process_exit') ?? 0) >= EXIT_ARGUMENTS,
    // The guard that include/linux/tracepoint.h puts around the call of a tracepoint's programs.
    tracepointsPreemptible: index.hasTypedef('class_srcu_fast_notrace_t'),
  };
}

/** `path` null: the kernel's own BTF. */
export const readKernelFeatures = (path: string | null): KernelFeatures =>
  kernelFeatures(readFileSync(path ?? KERNEL_BTF));
