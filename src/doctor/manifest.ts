// The smallest manifest that works on this node, with a reason for each privilege and each mount.
import { type Config, VERSION } from '../lib/index.ts';
import type { FindingJson } from '../api/index.ts';
import { daemonSet } from './manifest-objects.ts';
import type { NodeFacts } from './node-facts.ts';

type Named = Pick<FindingJson, 'id' | 'result' | 'reason'>;

export interface Model {
  readonly model: string;
  readonly possible: boolean;
  /** What it loses, or what is in the way. */
  readonly why: string;
}

/** Which of the three security models are possible here, and what each loses, in words. */
export function modelsOf(checks: readonly Named[]): readonly Model[] {
  const bad = (id: string) => checks.find((check) => check.id === id && check.result === 'fail');
  // Without the capabilities a load that fails says nothing about the node.
  const refused = bad('capabilities') === undefined ? bad('load') : undefined;
  const kernelSide = bad('kernel') ?? bad('kernel-config') ?? bad('btf') ?? bad('lockdown') ?? refused;
  const loads = kernelSide === undefined;
  const reason = kernelSide === undefined ? '' : `: ${kernelSide.reason}`;
  const tried = checks.find(({ id }) => id === 'load');
  const load =
    tried?.result === 'ok'
      ? 'the programs were loaded here'
      : `the programs were not loaded from here: ${tried?.reason ?? 'not tried'}`;
  const lost = 'loses the executables of processes older than the agent';
  return [
    { model: 'A privileged', possible: loads, why: loads ? `loses nothing; ${load}` : `no BPF${reason}` },
    { model: 'B unprivileged', possible: loads, why: loads ? `${lost}; ${load}` : `no BPF${reason}` },
    {
      model: 'C sidecar',
      possible: true,
      why: 'sees the processes of its own pod only, and those that live for milliseconds not at all',
    },
  ];
}

/** YAML of model B where BPF can be had here; else what there is instead, as comments. */
export function manifestOf(config: Config, checks: readonly Named[], facts: NodeFacts): string {
  const models = modelsOf(checks);
  const head = [
    `# cognitod ${VERSION}, for a node like ${config.node_name}: made by cognitod doctor --manifest`,
    '#',
    ...models.map(
      ({ model, possible, why }) => `# ${model}: ${possible ? 'possible' : 'NOT possible'}; ${why}`,
    ),
    '#',
    '# What was found:',
    ...found(config, facts).map((line) => `#   ${line}`),
  ];
  if (models[1]?.possible !== true) {
    const instead = [
      '#',
      '# No agent for the whole node is possible here. Sidecars are: deploy/manifests/c-sidecar, then for each namespace',
      '#   kubectl annotate namespace NAME sidecar.linnix.io/inject=true',
    ];
    return `${[...head, ...instead].join('\n')}\n`;
  }
  return `${head.join('\n')}\n${daemonSet(config, facts)}`;
}

function found(config: Config, facts: NodeFacts): string[] {
  const { socket, btfFile, hidepid, modules, lockdown, paranoid } = facts;
  const cgroups = facts.cgroups === null ? 'cgroups of an unknown version' : `cgroups ${facts.cgroups}`;
  return [
    `Linux ${facts.kernelRelease}, ${cgroups}: nothing of them is mounted, names come from the kernel`,
    btfFile === null
      ? `${config.sys_root}/kernel/btf/vmlinux: every container has it in its own /sys, so /sys is not mounted`
      : `no BTF of the kernel's own: the file ${btfFile.path} is mounted, raw tracepoints are used`,
    socket === null
      ? 'no socket of a container runtime'
      : `the runtime's socket ${socket.path}, of group ${socket.gid}${socket.groupMay ? '' : ', which may not use it'}`,
    hidepid === null ? '/proc of the node hides nothing' : `/proc of the node has hidepid=${hidepid}`,
    `perf_event_paranoid ${paranoid ?? 'unknown'}: does not matter, neither perf_event_open nor tracefs is used`,
    `lockdown ${lockdown ?? 'unknown'}: ${lockdown === 'confidentiality' ? 'programs read kernel memory by its types only, which tells less' : 'only confidentiality would matter'}`,
    `security modules ${modules?.join(',') ?? 'unknown'}; seccomp ${facts.seccomp ? 'available' : 'not in this kernel'}`,
  ];
}
