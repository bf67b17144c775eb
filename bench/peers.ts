// Other tools that report processes, and how to read what they printed.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, readFileSync, statSync } from 'node:fs';
import { until } from './host.ts';
import { type Events, outputFile, type Program, runWorkloadSync, start } from './programs.ts';

export interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  /** Which events of the workload it reports. */
  readonly reports: readonly (keyof Events)[];
  /** The kind of event that a line of its output tells, or undefined. */
  readonly kindOf: (line: string) => keyof Events | undefined;
}

const BPFTRACE = `
tracepoint:sched:sched_process_fork { printf("fork %d %d %s\\n", args->parent_pid, args->child_pid, comm); }
tracepoint:sched:sched_process_exec { printf("exec %d %s\\n", args->pid, str(args->filename)); }
tracepoint:sched:sched_process_exit { printf("exit %d %s\\n", args->pid, comm); }`;

const firstWord = (line: string) => /^(fork|exec|exit) /.exec(line)?.[1] as keyof Events | undefined;
const isRow = (line: string) => /^\S.*\s\d+\s+\d+\s/.test(line);

export const PEERS: readonly Peer[] = [
  {
    name: 'execsnoop',
    command: ['/usr/sbin/execsnoop'],
    reports: ['exec'],
    kindOf: (line) => (isRow(line) ? 'exec' : undefined),
  },
  {
    name: 'exitsnoop',
    command: ['/usr/sbin/exitsnoop'],
    reports: ['exit'],
    kindOf: (line) => (isRow(line) ? 'exit' : undefined),
  },
  {
    name: 'bpftrace',
    command: ['/usr/bin/bpftrace', '-q', '-e', BPFTRACE],
    reports: ['fork', 'exec', 'exit'],
    kindOf: firstWord,
  },
  {
    name: 'forkstat',
    command: ['/usr/bin/forkstat', '-e', 'fork,exec,exit'],
    reports: ['fork', 'exec', 'exit'],
    // A fork is two lines, of parent and child.
    kindOf: (line) =>
      /^\S+\s+(fork|exec|exit)\s+\d+\s(?!.*\bchild\b)/.exec(line)?.[1] as keyof Events | undefined,
  },
];

/** Why it cannot be compared; null when it can. */
export function missingReason(peer: Peer): string | null {
  return existsSync(peer.command[0]!) ? null : `${peer.name} is not installed`;
}

export function versionOf(peer: Peer): string {
  const name = peer.command[0]!;
  const owner = peer.name.endsWith('snoop') ? 'libbpf-tools' : peer.name;
  try {
    return execFileSync('dpkg-query', ['-W', '-f', `\${Package} \${Version}`, owner], { encoding: 'utf8' });
  } catch {
    return name;
  }
}

export interface RunningPeer extends Program {
  /** Ends it, so that it writes out everything, and counts the events printed since `mark`. */
  finish(): Promise<Events>;
  /** From here on events count. */
  mark(): void;
}

/** In a mount namespace of its own, where tracefs is mounted: the tools look for it there. */
const WITH_TRACEFS =
  'mount -t debugfs none /sys/kernel/debug 2>/dev/null; mount -t tracefs none /sys/kernel/tracing 2>/dev/null; exec "$@"';

/** Resolves once it reports events. */
export async function startPeer(peer: Peer): Promise<RunningPeer> {
  const { path, fd } = outputFile();
  const errors = outputFile();
  const program = start(
    'unshare',
    ['-m', 'sh', '-c', WITH_TRACEFS, 'sh', ...peer.command],
    ['ignore', fd, errors.fd],
  );
  const describe = () => readFileSync(errors.path, 'utf8').trim().split('\n').slice(-2).join('; ');
  await until(`${peer.name} reports events`, 20, () => {
    if (program.child.exitCode !== null) {
      throw new Error(`${peer.name} ended with ${program.child.exitCode}: ${describe()}`);
    }
    // Their output is written in blocks: enough for one.
    runWorkloadSync('/bin/true', 'execs', 100, 1);
    const printed = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => peer.kindOf(line) !== undefined);
    return printed.length > 20 ? true : undefined;
  });
  let offset = 0;
  return {
    ...program,
    mark() {
      offset = statSync(path).size;
    },
    async finish() {
      await program.stop('SIGINT');
      closeSync(fd);
      closeSync(errors.fd);
      const counts = { fork: 0, exec: 0, exit: 0 };
      for (const line of readFileSync(path).toString('latin1', offset).split('\n')) {
        const kind = peer.kindOf(line);
        if (kind !== undefined) counts[kind]++;
      }
      return counts;
    },
  };
}
