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
export type { NodeReader, NodeReading } from './sample/node-reader.ts';
export { Sampler, type SamplerOptions } from './sample/sampler.ts';
export { type Usage, UsageReader } from './sample/usage-reader.ts';
