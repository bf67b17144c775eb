// Which program a word names, and what it does with the words after it.
import { CONTAINER, TOOL_RULES, type ToolRule } from './tools.ts';

/** Programs that run the program named in their arguments. */
const WRAPPERS = new Set(
  (
    'sudo doas env timeout nice ionice nohup setsid stdbuf time strace ltrace perf xargs exec command eval chroot ' +
    'nsenter unshare su-exec gosu tini dumb-init catatonit setpriv runuser flock watch chronic systemd-run ' +
    'systemd-inhibit ssh sshpass busybox python python2 python3 perl ruby node parallel taskset numactl prlimit ' +
    'pkexec screen tmux unbuffer script start-stop-daemon daemonize chpst setuidgid s6-setuidgid s6-softlimit ' +
    'firejail bwrap proot fakeroot faketime cpulimit cgexec systemd-cat dbus-run-session xvfb-run hyperfine ' +
    'torsocks proxychains proxychains4 rlwrap valgrind runcon mpirun srun dockerize doppler'
  ).split(' '),
);
/** Programs that run one in a container, after these words. */
const CONTAINER_PROGRAMS = new Set([...CONTAINER, 'kubectl', 'oc', 'crictl', 'ctr', 'lxc', 'microk8s']);
/** Programs that run one after an option like `-exec`, up to `;` or `+`. */
const FINDERS = new Set(['find', 'bfs']);
/** Programs whose arguments are text for people: options in it are none. */
const WRITERS = new Set(['echo', 'printf', 'logger', 'notify-send', 'wall']);

/** How a program's arguments are to be read. */
export interface Program {
  readonly rules: readonly ToolRule[];
  readonly runs: 'nothing' | 'program' | 'container' | 'found-files';
  readonly writer: boolean;
}

/** A program that no rule is about. */
export const ORDINARY: Program = { rules: [], runs: 'nothing', writer: false };
const PROGRAMS = new Map<string, Program>();
const ENDINGS: [start: string, program: Program][] = [];
for (const name of new Set([
  ...TOOL_RULES.flatMap((rule) => rule.programs),
  ...WRAPPERS,
  ...WRITERS,
  ...FINDERS,
]))
  addProgram(name);
for (const name of CONTAINER_PROGRAMS) addProgram(name);

function addProgram(name: string): void {
  const rules = TOOL_RULES.filter((rule) => rule.programs.includes(name));
  const program: Program = { rules, runs: whatRuns(name), writer: WRITERS.has(name) };
  if (name.endsWith('*')) ENDINGS.push([name.slice(0, -1), program]);
  else PROGRAMS.set(name, program);
}

function whatRuns(name: string): Program['runs'] {
  if (CONTAINER_PROGRAMS.has(name)) return 'container';
  if (FINDERS.has(name)) return 'found-files';
  return WRAPPERS.has(name) ? 'program' : 'nothing';
}

/** The program of a path or file name; undefined for one that no rule is about. */
export function findProgram(path: string): Program | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return PROGRAMS.get(name) ?? ENDINGS.find(([start]) => name.startsWith(start))?.[1];
}
