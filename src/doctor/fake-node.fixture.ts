// A node made of files, for checks that read /proc and /sys: what is not written is not there.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { StatusJson } from '../api/index.ts';
import { loadConfig } from '../lib/index.ts';
import { findAgents } from './agent-processes.ts';
import type { Check, DoctorAgent, Finding, Surroundings } from './check.ts';

export const BOOT_ID = '0f5e6c1a-0000-4000-8000-00000000aaaa';
const INITIAL_PID_NS = 'pid:[4026531836]';

export const NO_AGENT: DoctorAgent = {
  address: 'http://agent',
  status: () => Promise.reject(new Error('not asked')),
  watch: () => Promise.reject(new Error('not asked')),
};

export interface FakeNode {
  /** `proc`, `sys`, `own` (the procfs of doctor), `boot` and `root` (of the host). */
  readonly directory: string;
  /** By path below the directory. */
  write(path: string, content: string | Uint8Array): void;
  link(path: string, target: string): void;
  process(pid: number, options?: FakeProcess): void;
  surroundings(
    options?: Partial<Omit<Surroundings, 'config'>> & { env?: Record<string, string> },
  ): Surroundings;
}

export interface FakeProcess {
  readonly comm?: string;
  readonly argv?: readonly string[];
  readonly nsPids?: readonly number[];
  readonly cgroup?: string;
  /** Of the only thread: fields of its status. */
  readonly status?: Readonly<Record<string, string>>;
}

/** An ordinary node with cgroups v2, in the node's pid namespace; removed when the test ends. */
export function fakeNode(t: TestContext): FakeNode {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-node-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  };
  const link = (path: string, target: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    rmSync(join(directory, path), { force: true });
    symlinkSync(target, join(directory, path));
  };
  const process = (pid: number, options: FakeProcess = {}) => {
    const { comm = 'cat', argv = ['cat'], nsPids = [pid], cgroup = '0::/user.slice\n' } = options;
    const fields = { Name: comm, NSpid: nsPids.join('\t'), ...NOTHING, ...options.status };
    const text = Object.entries(fields).map(([name, value]) => `${name}:\t${value}\n`);
    write(`proc/${pid}/comm`, `${comm}\n`);
    write(`proc/${pid}/cmdline`, `${argv.join('\0')}\0`);
    write(`proc/${pid}/cgroup`, cgroup);
    write(`proc/${pid}/status`, text.join(''));
    write(`proc/${pid}/task/${pid}/status`, text.join(''));
  };
  process(1, { comm: 'init' });
  process(50);
  write('proc/1/mountinfo', MOUNTINFO);
  write('proc/sys/kernel/random/boot_id', `${BOOT_ID}\n`);
  write('proc/sys/kernel/perf_event_paranoid', '2\n');
  write('proc/sys/kernel/unprivileged_bpf_disabled', '2\n');
  write('proc/sys/kernel/seccomp/actions_avail', 'kill_process errno allow\n');
  link('proc/self', '50');
  link('own/self/ns/pid', INITIAL_PID_NS);
  link('proc/50/ns/cgroup', 'cgroup:[4026531835]');
  write('sys/kernel/btf/vmlinux', 'btf');
  write('sys/kernel/security/lockdown', '[none] integrity confidentiality\n');
  write('sys/kernel/security/lsm', 'lockdown,capability,yama\n');
  write('own/self/mountinfo', `30 20 0:5 / ${directory}/sys ro,nosuid - sysfs sysfs ro\n`);
  write('own/self/limits', limitsText(20_000, '8388608'));
  write('own/self/task/50/status', 'Seccomp:\t2\nUid:\t0\t0\nGid:\t0\t0\n');
  return {
    directory,
    write,
    link,
    process,
    surroundings: ({ env = {}, ...options } = {}) => ({
      config: loadConfig({
        env: {
          COGNITOD_PROC_ROOT: `${directory}/proc`,
          COGNITOD_SYS_ROOT: `${directory}/sys`,
          COGNITOD_RUNTIME_HOST_ROOT: `${directory}/root`,
          COGNITOD_NODE_NAME: 'node-a',
          COGNITOD_API_LISTEN: '127.0.0.1:0',
          COGNITOD_OPS_LISTEN: '127.0.0.1:0',
          ...env,
        },
      }).config,
      agent: null,
      status: null,
      ownProc: `${directory}/own`,
      boot: `${directory}/root/boot`,
      kernelRelease: '6.1.0-18-amd64',
      agents: () => findAgents(`${directory}/proc`),
      ...options,
    }),
  };
}

export const limitsText = (nofile: number, memlock: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \n` +
  `Max locked memory         ${memlock}              ${memlock}              bytes     \n` +
  `Max open files            ${nofile}                ${nofile}                files     \n`;

const NOTHING = {
  Uid: '65532\t65532\t65532\t65532',
  Gid: '65532\t65532\t65532\t65532',
  CapInh: '0000000000000000',
  CapPrm: '0000000000000000',
  CapEff: '0000000000000000',
  CapBnd: '0000000000000000',
  CapAmb: '0000000000000000',
  NoNewPrivs: '1',
  Seccomp: '2',
} as const;

const MOUNTINFO = `22 28 0:21 / /proc rw,nosuid - proc proc rw
24 28 0:22 / /sys rw,nosuid - sysfs sysfs rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw
`;

/** The agent of `process(…, AGENT)`, with pid 77 in its own namespace, that says what /proc says. */
export const AGENT: FakeProcess = {
  comm: 'node',
  argv: ['/opt/cognitod/bin/node', '--x', '/opt/cognitod/bin/cognitod', 'agent', '--json'],
  nsPids: [4321, 77],
};

export const PROGRAMS: StatusJson['collector']['programs'] = [
  'sched_process_fork',
  'sched_process_exec',
  'sched_process_exit',
].map((hook, index) => ({
  hook: `tp_btf/${hook}`,
  name: `on_${index}`,
  id: 100 + index,
  tag: '0123456789abcdef',
  verified_instructions: 1000,
  attached: true,
  runs: null,
  run_seconds: null,
}));

/** What a check finds there. */
export const find = async (check: Check | undefined, surroundings: Surroundings): Promise<Finding> =>
  check!.run(surroundings);
