// What is examined in a guest: each cell is a program that runs there and leaves its finding in the job's folder.

import type { RootKind } from './root.ts';

export interface Cell {
  readonly name: string;
  /** The head of its column. */
  readonly title: string;
  /** Shell, run in the checkout in the guest. */
  readonly script: string;
  readonly minutes: number;
  /** systemd is PID 1, of this Debian; the package is in the job's folder. */
  readonly system?: RootKind;
  /** Guests for which it means something; all when left out. */
  readonly only?: (guest: string) => boolean;
}

const NODE = 'node_modules/node-linux-*/bin/node --disable-warning=ExperimentalWarning';
const program = (name: string) => `${NODE} test/vm/cells/${name}.ts`;

/** The project's own tests, as they are: `vm-tests` makes a finding of their last line. */
const tests = (name: string, files: string, environment = '') =>
  `env ${environment} ${NODE} test/vm/cells/tests.ts ${name} ${files}`;

/** Those that need no container runtime, browser or Prometheus: a guest has none. In parts, so that each can be tried again. */
const KERNEL_TESTS = {
  collectors: ['src/**/*.kernel.test.ts'],
  agent: ofAgent('agent', 'bad-input', 'capabilities', 'namespaces', 'privileges'),
  commands: ofAgent('doctor', 'doctor-agents', 'evidence', 'self-test', 'streams', 'top'),
};

function ofAgent(...names: string[]): string[] {
  return names.map((name) => `test/${name}.kernel.test.ts`);
}

const isPlain = (guest: string) => !guest.includes('lockdown');

export const CELLS: readonly Cell[] = [
  { name: 'load', title: 'loads', script: program('load'), minutes: 3 },
  { name: 'exits', title: 'one exit each', script: program('exits'), minutes: 10, only: isPlain },
  {
    name: 'exact',
    title: 'exact workload, tp_btf',
    script: tests('exact', 'src/collect/exact.kernel.test.ts'),
    minutes: 15,
  },
  {
    name: 'exact-raw',
    title: 'exact workload, raw_tp',
    script: tests('exact-raw', 'src/collect/exact.kernel.test.ts', 'TEST_HOOKS=raw_tp'),
    minutes: 15,
    only: isPlain,
  },
  {
    name: 'overflow',
    title: 'overflow, pid reuse, healing',
    script: tests('overflow', 'src/collect/load.kernel.test.ts', 'TEST_PROCESSES=5000'),
    minutes: 15,
    only: isPlain,
  },
  {
    name: 'attribution',
    title: 'attribution',
    script: tests('attribution', 'src/collect/cgroups.kernel.test.ts'),
    minutes: 10,
    only: isPlain,
  },
  ...Object.entries(KERNEL_TESTS).map(
    ([part, files]): Cell => ({
      name: `tests-${part}`,
      title: `the project's kernel tests: ${part}`,
      script: tests(`tests-${part}`, files.join(' '), 'TEST_PROCESSES=5000 TEST_CLIENTS=40'),
      minutes: 60,
      only: (guest) => ['6.1', '6.12', '7.3'].includes(guest),
    }),
  ),
  { name: 'privileges', title: 'BPF and PERFMON alone', script: program('privileges'), minutes: 8 },
  {
    name: 'systemd',
    title: 'package under systemd',
    script: `${program('systemd')} systemd`,
    minutes: 25,
    system: 'bookworm',
    only: (guest) => guest === '6.1',
  },
  {
    name: 'systemd-newer',
    title: "package under Debian 13's systemd",
    script: `${program('systemd')} systemd-newer`,
    minutes: 25,
    system: 'trixie',
    only: (guest) => guest === '6.12' || guest === '7.3',
  },
  {
    name: 'newcomer',
    title: '`make run` on a fresh Debian 12',
    script: 'sh test/vm/guest/newcomer.sh newcomer',
    minutes: 45,
    system: 'newcomer',
    only: (guest) => guest === '6.1',
  },
  {
    name: 'skipped',
    title: 'what the kernel skips',
    script: program('skipped'),
    minutes: 20,
    only: (guest) => guest.startsWith('7.') && isPlain(guest),
  },
  { name: 'speed', title: '100,000 processes at full speed', script: program('speed'), minutes: 60 },
];
