// The agent as the chart's mode B runs it: another user than root, a Node with file capabilities, BPF and PERFMON and no
// more in the bounding set; on a kernel with modules nothing may need CAP_SYS_ADMIN.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from '../../support/agent.ts';
import { tell } from './report.ts';

const ROOT = join(import.meta.dirname, '../../..');
const USER = '65532';
const NODE = '/run/cognitod-b/node';

/** Mounted without nosuid, which would make the kernel ignore file capabilities. */
function nodeWithCapabilities(): string {
  mkdirSync('/run/cognitod-b', { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run/cognitod-b']);
  copyFileSync(process.execPath, NODE);
  chmodSync(NODE, 0o755);
  execFileSync('setcap', ['cap_bpf,cap_perfmon+p', NODE]);
  return NODE;
}

function capabilitySets(pid: number): string[] {
  const names = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'];
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return names.map((name) => new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)![1]!);
  });
}

await tell('privileges', async () => {
  const node = nodeWithCapabilities();
  // Before 5.11 maps are charged to the limit of locked memory, which container runtimes and the unit lift.
  execFileSync('prlimit', ['--pid', String(process.pid), '--memlock=unlimited']);
  const as = ['--reuid', USER, '--regid', USER, '--clear-groups', '--inh-caps=-all'];
  const agent = await startAgent({
    prefix: [
      'setpriv',
      ...as,
      '--bounding-set=-all,+bpf,+perfmon',
      node,
      '--disable-warning=ExperimentalWarning',
    ],
    program: join(ROOT, 'src/main.ts'),
  });
  try {
    const status = await agent.status();
    const { kind, reason, hooks } = status.collector;
    const left = capabilitySets(agent.pid).filter((set) => /[^0]/.test(set));
    const { kept, threads, uid, confinement } = status.privileges;
    const ok =
      kind === 'ebpf' &&
      uid === Number(USER) &&
      (left.length === 0 || kept.length > 0) &&
      status.ready &&
      confinement.system_calls;
    const text = ok
      ? `uid ${uid}, ${threads} threads, ${kept.length === 0 ? 'nothing' : kept.join()} kept; Landlock ${confinement.landlock ?? 'not there'}`
      : [reason, ...confinement.missing].join('; ');
    return { ok, text, figures: { kind, reason, hooks, left, kept, threads, uid, confinement } };
  } finally {
    await agent.stop();
  }
});
