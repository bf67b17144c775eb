// Chooses how to watch the node, and says why.
import { existsSync } from 'node:fs';
import {
  type Collector,
  EbpfCollector,
  ProcfsCollector,
  type ProcfsCollectorOptions,
} from '../collect/index.ts';
import { type ArgvMasker, checkLayout } from '../decode/index.ts';
import { boottimeNs, type HookStyle, loadPrograms } from '../kernel/index.ts';
import { CognitodError, type Config } from '../lib/index.ts';

export interface OpenedCollector {
  readonly collector: Collector;
  readonly kind: 'ebpf' | 'procfs';
  /** Why this one, in words. */
  readonly reason: string;
  /** Whether it sees every process of the node, whatever short its life. */
  readonly nodeWide: boolean;
}

/**
 * `collector: ebpf` fails where eBPF cannot be had; `auto` falls back to polling /proc, which the caller must say
 * loudly; `procfs` never tries.
 */
export function openCollector(
  config: Config,
  mask: ArgvMasker,
  onError: (error: unknown) => void,
): OpenedCollector {
  const procfs = () => new ProcfsCollector(procfsOptions(config, mask, onError));
  if (config.collector === 'procfs') {
    return { collector: procfs(), kind: 'procfs', reason: 'chosen by the configuration', nodeWide: false };
  }
  try {
    const { hooks, reason } = chooseHooks(config);
    const programs = loadPrograms({
      hooks,
      ringBytes: config.kernel.ring_bytes,
      argvBytes: config.kernel.argv_bytes,
      btfPath: config.kernel.btf,
      checkTypes: checkLayout,
    });
    const collector = new EbpfCollector(programs, {
      mask,
      onError,
      procRoot: config.proc_root,
      listProcesses: (deliver) => procfs().listForSnapshot(deliver),
    });
    return { collector, kind: 'ebpf', reason, nodeWide: true };
  } catch (error) {
    if (config.collector === 'ebpf' || !(error instanceof CognitodError)) throw error;
    return {
      collector: procfs(),
      kind: 'procfs',
      reason: `eBPF cannot be used: ${error.message}`,
      nodeWide: false,
    };
  }
}

function chooseHooks(config: Config): { hooks: HookStyle; reason: string } {
  if (config.kernel.hooks !== 'auto') {
    return { hooks: config.kernel.hooks, reason: 'hooks chosen by the configuration' };
  }
  if (existsSync(`${config.sys_root}/kernel/btf/vmlinux`)) {
    return { hooks: 'tp_btf', reason: 'the kernel has BTF' };
  }
  if (config.kernel.btf !== null) return { hooks: 'raw_tp', reason: 'BTF from a file' };
  throw new CognitodError('BTF_MISSING', 'the kernel has no BTF (/sys/kernel/btf/vmlinux)', {
    hint: 'give a BTF file for this kernel as kernel.btf, or use collector: procfs',
  });
}

function procfsOptions(
  config: Config,
  mask: ArgvMasker,
  onError: (error: unknown) => void,
): ProcfsCollectorOptions {
  return {
    procRoot: config.proc_root,
    intervalMs: config.procfs.interval_ms,
    boottimeNs,
    mask,
    onError,
  };
}
