// Which kernel helpers the instructions of a BPF object call.
import { readObjectTypes } from './btf.ts';
import { elfSections } from './elf.ts';

const INSTRUCTION_BYTES = 8;
const BPF_LD_IMM64 = 0x18;
const BPF_JMP_CALL = 0x85;

/** Helper ids called (enum bpf_func_id in include/uapi/linux/bpf.h), sorted, each once. */
export function helpersCalled(objectFile: Uint8Array): number[] {
  const ids = new Set<number>();
  for (const { executable, data } of elfSections(objectFile)) {
    if (!executable) continue;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at + INSTRUCTION_BYTES <= data.byteLength; at += INSTRUCTION_BYTES) {
      const opcode = data[at]!;
      const sourceRegister = data[at + 1]! >>> 4;
      // Source register 0 is a helper; 1 a function of the object itself or, in .ksyms, of the kernel.
      if (opcode === BPF_JMP_CALL && sourceRegister === 0) ids.add(view.getInt32(at + 4, true));
      if (opcode === BPF_LD_IMM64) at += INSTRUCTION_BYTES;
    }
  }
  return [...ids].sort((a, b) => a - b);
}

/** Functions of the kernel called (kfuncs), sorted. */
export const kernelFunctionsCalled = (objectFile: Uint8Array): string[] =>
  [...readObjectTypes(objectFile).section('.ksyms')].sort();

/** The kernel functions that our programs may call: they hold the preemption of the program itself off. */
export const ALLOWED_KERNEL_FUNCTIONS: readonly string[] = ['bpf_preempt_disable', 'bpf_preempt_enable'];

/**
 * The helpers that our programs may call: none writes to user memory, changes what a system call returns, or sends
 * a signal. Numbers are kernel ABI.
 */
export const ALLOWED_HELPERS: ReadonlyMap<number, string> = new Map([
  [1, 'bpf_map_lookup_elem'],
  [2, 'bpf_map_update_elem'],
  [3, 'bpf_map_delete_elem'],
  [8, 'bpf_get_smp_processor_id'],
  [35, 'bpf_get_current_task'],
  [112, 'bpf_probe_read_user'],
  [113, 'bpf_probe_read_kernel'],
  [114, 'bpf_probe_read_user_str'],
  [115, 'bpf_probe_read_kernel_str'],
  [125, 'bpf_ktime_get_boot_ns'],
  [127, 'bpf_seq_write'],
  [130, 'bpf_ringbuf_output'],
  [131, 'bpf_ringbuf_reserve'],
  [132, 'bpf_ringbuf_submit'],
  [133, 'bpf_ringbuf_discard'],
  [158, 'bpf_get_current_task_btf'],
]);

/** Instructions of all programs and functions of an object, 8 bytes each; a wide one counts as two, as in the kernel. */
export function countInstructions(objectFile: Uint8Array): number {
  let bytes = 0;
  for (const { executable, data } of elfSections(objectFile)) if (executable) bytes += data.byteLength;
  return bytes / INSTRUCTION_BYTES;
}
