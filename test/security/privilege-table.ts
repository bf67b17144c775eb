// Which privileges allow what, tried in real containers: the table of docs/security/privileges.md.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Containerd, startContainerd } from '../e2e/containerd.ts';
import type { SecuritySpec } from '../e2e/cri.ts';
import { BURST } from '../e2e/images.ts';

export interface Column {
  readonly name: string;
  readonly security?: SecuritySpec;
  readonly privileged?: boolean;
  /** The program has the file capabilities of the image. */
  readonly fileCapabilities?: boolean;
}

const BOTH = ['BPF', 'PERFMON'];

/** Every container has the runtime's default seccomp filter and hostPID, but where its name says otherwise. */
export const COLUMNS: readonly Column[] = [
  { name: 'privileged', privileged: true },
  { name: 'drop ALL', security: { capabilities: [] } },
  { name: 'default capabilities', security: {} },
  { name: 'BPF', security: { capabilities: ['BPF'] } },
  { name: 'PERFMON', security: { capabilities: ['PERFMON'] } },
  { name: 'SYS_PTRACE', security: { capabilities: ['SYS_PTRACE'] } },
  { name: 'BPF, PERFMON', security: { capabilities: BOTH } },
  {
    name: 'BPF, PERFMON, no privilege escalation',
    security: { capabilities: BOTH, noNewPrivileges: true },
  },
  { name: 'BPF, PERFMON, seccomp off', security: { capabilities: BOTH, seccomp: 'unconfined' } },
  { name: 'BPF, PERFMON, SYS_PTRACE', security: { capabilities: [...BOTH, 'SYS_PTRACE'] } },
  { name: 'BPF, PERFMON, SETPCAP', security: { capabilities: [...BOTH, 'SETPCAP'] } },
  { name: 'BPF, PERFMON, uid 65532', security: { capabilities: BOTH, user: 65532 } },
  {
    name: 'the same, file capabilities',
    security: { capabilities: BOTH, user: 65532 },
    fileCapabilities: true,
  },
  {
    name: 'the same, no privilege escalation',
    security: { capabilities: BOTH, user: 65532, noNewPrivileges: true },
    fileCapabilities: true,
  },
  { name: 'SYS_ADMIN', security: { capabilities: ['SYS_ADMIN'] } },
];

/** Operation → column → `ok` or the name of an errno. */
export type Table = Map<string, Map<string, string>>;

/** Tries all operations in a container per column; takes about half a second each. */
export async function makeTable(): Promise<Table> {
  const containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-privileges-'));
  try {
    // Both are read by another user than the one who made them.
    chmodSync(directory, 0o755);
    const [plain, permitted] = ['plain', 'permitted'].map((name) => compile(join(directory, name)));
    execFileSync(plain!, ['--permit', permitted!]);
    const target = await containerd.cri.runPod({
      name: 'other',
      namespace: 'default',
      uid: uid(0),
      hostPid: true,
      privileged: true,
    });
    const pid = await startTarget(containerd, target, directory);
    const table: Table = new Map();
    for (const [index, column] of COLUMNS.entries()) {
      const results = await tryOut(containerd, column, {
        probe: column.fileCapabilities === true ? permitted! : plain!,
        pid,
        uid: uid(index + 1),
        output: join(directory, `output-${index}`),
      });
      for (const [operation, result] of results) {
        const row = table.get(operation) ?? new Map<string, string>();
        table.set(operation, row.set(column.name, result));
      }
    }
    return table;
  } finally {
    await containerd.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const uid = (index: number) => `11111111-2222-4333-8444-${String(index).padStart(12, '0')}`;

function compile(output: string): string {
  execFileSync('gcc', ['-static', '-O2', '-Wall', '-o', output, join(import.meta.dirname, 'probe.c')]);
  return output;
}

/** A process of root with all capabilities in another container; its pid on the node. */
async function startTarget(
  { cri }: Containerd,
  pod: Awaited<ReturnType<Containerd['cri']['runPod']>>,
  directory: string,
): Promise<string> {
  const out = join(directory, 'target');
  mkdirSync(out);
  const command = [
    '/bin/sh',
    '-c',
    'echo $$ > /out/pid.part; /bin/busybox mv /out/pid.part /out/pid; exec sleep 1000000',
  ];
  const mounts = [{ container_path: '/out', host_path: out }];
  await cri.startContainer(await cri.createContainer(pod, { name: 'other', image: BURST, command, mounts }));
  for (let tries = 0; tries < 200; tries++) {
    try {
      return readFileSync(join(out, 'pid'), 'utf8').trim();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('the other container did not tell its pid');
}

interface Trial {
  readonly probe: string;
  readonly pid: string;
  readonly uid: string;
  /** A directory that the container may write. */
  readonly output: string;
}

async function tryOut(
  { cri }: Containerd,
  { name, security, privileged }: Column,
  trial: Trial,
): Promise<[string, string][]> {
  mkdirSync(trial.output);
  chmodSync(trial.output, 0o777);
  const pod = await cri.runPod({
    name: 'probe',
    namespace: 'default',
    uid: trial.uid,
    privileged: privileged ?? false,
    hostPid: true,
  });
  try {
    const container = await cri.createContainer(pod, {
      name: 'probe',
      image: BURST,
      // Not through a shell: for another user than root the exec of one loses the capabilities.
      command: ['/probe', trial.pid, '/out/results'],
      mounts: [
        { container_path: '/probe', host_path: trial.probe, readonly: true },
        { container_path: '/out', host_path: trial.output },
      ],
      ...(security === undefined ? {} : { security }),
    });
    await cri.startContainer(container);
    const code = await cri.waitContainer(container);
    if (code !== 0) throw new Error(`${name}: the probe ended with ${code}`);
    const lines = readFileSync(join(trial.output, 'results'), 'utf8').trim().split('\n');
    return lines.map((line) => line.split('\t') as [string, string]);
  } finally {
    await cri.removePod(pod);
  }
}

/** Major and minor version: what a privilege allows differs between kernels. */
export const kernelVersion = (): string => release().split('.').slice(0, 2).join('.');

/** As the page has it: a column per operation would be too wide, so containers are rows of short marks. */
export function tableText(table: Table): string {
  const operations = [...table.keys()];
  const legend = operations.map((operation, index) => `${index + 1}. ${operation}`).join('\n');
  const head = ['container', ...operations.map((_, index) => String(index + 1))];
  const rows = COLUMNS.map(({ name }) => [
    name,
    ...operations.map((operation) => {
      const result = table.get(operation)?.get(name);
      return result === undefined ? '–' : result === 'ok' ? '✓' : result;
    }),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    legend,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    `Tried on Linux ${kernelVersion()}. ✓ worked, – was not possible to try, otherwise the error.`,
  ].join('\n');
}
