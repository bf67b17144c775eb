// The few functions of libbpf that loading and reading need, called through koffi.
// Prototypes: libbpf 1.1 (Debian 12's libbpf1), bpf/libbpf.h and bpf/bpf.h.
import koffi from 'koffi';
import { CognitodError } from '../lib/errors.ts';
import type { Pointer } from '../os/index.ts';

koffi.struct('bpf_object_open_opts', {
  sz: 'size_t',
  object_name: 'const char *',
  relaxed_maps: 'bool',
  pin_root_path: 'const char *',
  attach_prog_fd_removed: 'uint32_t',
  kconfig: 'const char *',
  btf_custom_path: 'const char *',
  kernel_log_buf: 'void *',
  kernel_log_size: 'size_t',
  kernel_log_level: 'uint32_t',
});
/** Called by libbpf with a program right before it is loaded; 0 when all is well. */
export const PREPARE_LOAD = koffi.proto('int prepare_load(void *prog, void *opts, long cookie)');
koffi.struct('libbpf_prog_handler_opts', {
  sz: 'size_t',
  cookie: 'long',
  prog_setup_fn: 'void *',
  prog_prepare_load_fn: koffi.pointer(PREPARE_LOAD),
  prog_attach_fn: 'void *',
});
export const HANDLER_OPTS_BYTES = koffi.sizeof('libbpf_prog_handler_opts');
export const OPEN_OPTS_BYTES = koffi.sizeof('bpf_object_open_opts');

function bind(lib: ReturnType<typeof koffi.load>) {
  return {
    setPrint: lib.func('void *libbpf_set_print(void *fn)') as (fn: null) => Pointer,
    possibleCpus: lib.func('int libbpf_num_possible_cpus()') as () => number,
    version: lib.func('const char *libbpf_version_string()') as () => string,
    openObject: lib.func(
      'void *bpf_object__open_mem(const void *buf, size_t size, bpf_object_open_opts *opts)',
    ) as (buf: Uint8Array, size: number, opts: Record<string, unknown>) => Pointer | null,
    loadObject: lib.func('int bpf_object__load(void *obj)') as (obj: Pointer) => number,
    closeObject: lib.func('void bpf_object__close(void *obj)') as (obj: Pointer) => void,
    findMap: lib.func('void *bpf_object__find_map_by_name(void *obj, const char *name)') as (
      obj: Pointer,
      name: string,
    ) => Pointer | null,
    mapFd: lib.func('int bpf_map__fd(void *map)') as (map: Pointer) => number,
    setMaxEntries: lib.func('int bpf_map__set_max_entries(void *map, uint32_t n)') as (
      map: Pointer,
      n: number,
    ) => number,
    reuseMap: lib.func('int bpf_map__reuse_fd(void *map, int fd)') as (map: Pointer, fd: number) => number,
    initialValue: lib.func('void *bpf_map__initial_value(void *map, _Out_ size_t *size)') as (
      map: Pointer,
      size: [number | null],
    ) => Pointer | null,
    findProgram: lib.func('void *bpf_object__find_program_by_name(void *obj, const char *name)') as (
      obj: Pointer,
      name: string,
    ) => Pointer | null,
    programFd: lib.func('int bpf_program__fd(void *prog)') as (prog: Pointer) => number,
    programSection: lib.func('const char *bpf_program__section_name(void *prog)') as (
      prog: Pointer,
    ) => string,
    attach: lib.func('void *bpf_program__attach(void *prog)') as (prog: Pointer) => Pointer | null,
    setAttachTarget: lib.func(
      'int bpf_program__set_attach_target(void *prog, int attachProgramFd, const char *name)',
    ) as (prog: Pointer, attachProgramFd: number, name: string) => number,
    attachTrace: lib.func('void *bpf_program__attach_trace(void *prog)') as (prog: Pointer) => Pointer | null,
    instructions: lib.func('void *bpf_program__insns(void *prog)') as (prog: Pointer) => Pointer,
    instructionCount: lib.func('size_t bpf_program__insn_cnt(void *prog)') as (
      prog: Pointer,
    ) => number | bigint,
    registerHandler: lib.func(
      'int libbpf_register_prog_handler(const char *section, int type, int attachType, libbpf_prog_handler_opts *opts)',
    ) as (section: string, type: number, attachType: number, opts: Record<string, unknown>) => number,
    linkFd: lib.func('int bpf_link__fd(void *link)') as (link: Pointer) => number,
    destroyLink: lib.func('int bpf_link__destroy(void *link)') as (link: Pointer) => number,
    createIterator: lib.func('int bpf_iter_create(int linkFd)') as (linkFd: number) => number,
    lookup: lib.func('int bpf_map_lookup_elem(int fd, const void *key, void *value)') as (
      fd: number,
      key: Uint8Array,
      value: Uint8Array,
    ) => number,
    objectInfo: lib.func('int bpf_obj_get_info_by_fd(int fd, void *info, _Inout_ uint32_t *length)') as (
      fd: number,
      info: Uint8Array,
      length: [number],
    ) => number,
  };
}

export type Libbpf = ReturnType<typeof bind>;
let libbpf: Libbpf | undefined;

/** libbpf, loaded once. Throws BPF_UNAVAILABLE when the library is not installed. */
export function loadLibbpf(): Libbpf {
  if (libbpf !== undefined) return libbpf;
  try {
    libbpf = bind(koffi.load('libbpf.so.1'));
  } catch (cause) {
    throw new CognitodError('BPF_UNAVAILABLE', 'libbpf.so.1 cannot be loaded', {
      hint: 'install it (Debian: apt-get install libbpf1), or use collector: procfs',
      cause,
    });
  }
  // Its messages would go to standard error; errors are reported by us, with the verifier's log.
  libbpf.setPrint(null);
  return libbpf;
}
