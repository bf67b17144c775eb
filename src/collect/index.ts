// Collectors: one contract, watched by eBPF or by polling /proc.
export type * from './collector.ts';
export { EbpfCollector, type EbpfCollectorOptions } from './ebpf-collector.ts';
export { describeScope, isInInitialPidNamespace, ownPidNamespace } from './pid-namespace.ts';
export {
  ProcfsCollector,
  type ProcfsCollectorOptions,
  readCmdline,
  readExecutable,
} from './procfs/index.ts';
export { NodeReader, type NodeReading } from './node/node-reader.ts';
export { type Usage, UsageReader } from './usage/usage-reader.ts';
