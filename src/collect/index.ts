// Collectors: one contract, watched by eBPF or by polling /proc.
export type * from './collector.ts';
export { EbpfCollector, type EbpfCollectorOptions } from './ebpf-collector.ts';
export { readCmdline, readExecutable } from './proc-reader.ts';
export { ProcfsCollector, type ProcfsCollectorOptions } from './procfs-collector.ts';
