// Loads programs that read user memory on a kernel that forbids them to read its own.
//
// libbpf tries whether the kernel knows bpf_probe_read_kernel, and where it does not takes it for one before 5.5: it then
// puts bpf_probe_read, which is forbidden too, in the place of every read, those of user memory among them
// (bpf_object__sanitize_prog). Lockdown looks the same to it. So a section handler of ours, which libbpf calls after that
// and right before the load, puts the reads of user memory back. Those of kernel memory are dead code by then
// (may_read_kernel in bpf/read.h).
import koffi from 'koffi';
import { HANDLER_OPTS_BYTES, loadLibbpf, PREPARE_LOAD } from './libbpf.ts';
import type { Pointer } from '../os/index.ts';

const INSTRUCTION_BYTES = 8;
const BPF_JMP_CALL = 0x85;
/** enum bpf_func_id, include/uapi/linux/bpf.h: bpf_probe_read and its _str, to those of user memory. */
const USER_READS: ReadonlyMap<number, number> = new Map([
  [4, 112],
  [45, 114],
]);
/** enum bpf_prog_type and bpf_attach_type, likewise. */
const BPF_PROG_TYPE_TRACING = 26;
const BPF_TRACE_RAW_TP = 23;

let registered = false;
let wanted = false;

/** `work` opens objects with programs in sections `tp_btf/…`, sets their targets and loads them. */
export function withUserReads<T>(work: () => T): T {
  if (!registered) register();
  wanted = true;
  try {
    return work();
  } finally {
    wanted = false;
  }
}

/** Once and for all: libbpf 1.1 frees its list twice when the last handler is taken away and another comes. */
function register(): void {
  const prepare = koffi.register((program: Pointer) => {
    if (wanted) putBack(program);
    return 0;
  }, koffi.pointer(PREPARE_LOAD));
  const handler = loadLibbpf().registerHandler('tp_btf+', BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, {
    sz: HANDLER_OPTS_BYTES,
    prog_prepare_load_fn: prepare,
  });
  if (handler < 0) throw new Error(`libbpf takes no section handler: ${handler}`);
  registered = true;
}

function putBack(program: Pointer): void {
  const lib = loadLibbpf();
  const bytes = Number(lib.instructionCount(program)) * INSTRUCTION_BYTES;
  const view = new DataView(koffi.view(lib.instructions(program), bytes));
  for (let at = 0; at < bytes; at += INSTRUCTION_BYTES) {
    // A call of a helper has no source register.
    if (view.getUint8(at) !== BPF_JMP_CALL || view.getUint8(at + 1) !== 0) continue;
    const right = USER_READS.get(view.getInt32(at + 4, true));
    if (right !== undefined) view.setInt32(at + 4, right, true);
  }
}
