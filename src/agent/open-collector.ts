// How the node is watched, by what could be loaded.
import {
  type Collector,
  EbpfCollector,
  ProcfsCollector,
  type ProcfsCollectorOptions,
} from '../collect/index.ts';
import type { ArgvMasker } from '../decode/index.ts';
import { boottimeNs } from '../os/index.ts';
import type { Config } from '../lib/index.ts';
import type { OpenedPrograms } from '../start/index.ts';

export interface OpenedCollector {
  readonly collector: Collector;
  readonly kind: 'ebpf' | 'procfs';
  /** Why this one, in words. */
  readonly reason: string;
  /** Whether it sees every process of the node, whatever short its life. */
  readonly nodeWide: boolean;
}

/** The collector that goes with the programs. */
export function openCollector(
  config: Config,
  opened: OpenedPrograms,
  mask: ArgvMasker,
  onError: (error: unknown) => void,
): OpenedCollector {
  const procfs = () => new ProcfsCollector(procfsOptions(config, mask, onError));
  const { kind, reason } = opened;
  if (kind === 'procfs') return { collector: procfs(), kind, reason, nodeWide: false };
  const collector = new EbpfCollector(opened.programs, {
    mask,
    onError,
    procRoot: config.proc_root,
    listProcesses: (deliver) => procfs().listForSnapshot(deliver),
  });
  return { collector, kind, reason, nodeWide: true };
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
