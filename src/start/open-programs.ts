// Loads the kernel programs, or says why not: the only part of the start that needs privileges.
import { existsSync } from 'node:fs';
import { checkLayout } from '../decode/index.ts';
import { type HookStyle, type LoadedPrograms, loadPrograms } from '../kernel/index.ts';
import { CognitodError, type Config } from '../lib/index.ts';

/** Loaded programs, or why there are none: all that needs privileges. */
export type OpenedPrograms =
  | { readonly kind: 'ebpf'; readonly reason: string; readonly programs: LoadedPrograms }
  | { readonly kind: 'procfs'; readonly reason: string };

/**
 * `collector: ebpf` fails where eBPF cannot be had; `auto` falls back to polling /proc, which the caller must say
 * loudly; `procfs` never tries.
 */
export function openPrograms(config: Config): OpenedPrograms {
  if (config.collector === 'procfs') return { kind: 'procfs', reason: 'chosen by the configuration' };
  try {
    const { hooks, reason } = chooseHooks(config);
    const programs = loadPrograms({
      hooks,
      ringBytes: config.kernel.ring_bytes,
      argvBytes: config.kernel.argv_bytes,
      btfPath: config.kernel.btf,
      checkTypes: checkLayout,
    });
    return { kind: 'ebpf', reason, programs };
  } catch (error) {
    if (config.collector === 'ebpf' || !(error instanceof CognitodError)) throw error;
    return { kind: 'procfs', reason: `eBPF cannot be used: ${error.message}` };
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
