// Which machines the agent is tried on: Debian's kernels, and what is peculiar about each guest.

export type Arch = 'amd64' | 'arm64';
export const HOST_ARCH: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** A kernel as Debian packages it; of each pattern the newest version in the suite is taken. */
export interface Kernel {
  readonly name: string;
  readonly arch: Arch;
  /** Of Debian: its security updates are asked too. */
  readonly suite: string;
  readonly packages: readonly RegExp[];
}

const image = (name: string, suite: string, pattern: string, arch: Arch = 'amd64'): Kernel => ({
  name,
  arch,
  suite,
  packages: [new RegExp(`^linux-image-${pattern}$`)],
});

/** Since 7.2 the kernel and its modules are two packages. */
const split = (name: string, pattern: string): Kernel => ({
  name,
  arch: 'amd64',
  suite: 'trixie-backports',
  packages: [new RegExp(`^linux-modules-${pattern}$`), new RegExp(`^linux-binary-${pattern}$`)],
});

export const KERNELS: readonly Kernel[] = [
  image('5.10', 'bullseye', '5\\.10\\.0-\\d+-amd64-unsigned'),
  image('6.1', 'bookworm', '6\\.1\\.0-\\d+-amd64-unsigned'),
  image('6.12', 'trixie', '6\\.12\\.\\d+\\+deb13-amd64'),
  image('6.16', 'trixie-backports', '6\\.16\\.\\d+\\+deb13-amd64'),
  image('6.17', 'trixie-backports', '6\\.17\\.\\d+\\+deb13-amd64'),
  image('6.18', 'trixie-backports', '6\\.18\\.\\d+\\+deb13-amd64'),
  split('7.2', '7\\.2\\.\\d+\\+deb13-amd64'),
  split('7.3', '7\\.3\\.\\d+\\+deb13-amd64'),
  split('7.3-rt', '7\\.3\\.\\d+\\+deb13-rt-amd64'),
  image('6.1-arm64', 'bookworm', '6\\.1\\.0-\\d+-arm64-unsigned', 'arm64'),
  image('6.12-arm64', 'trixie', '6\\.12\\.\\d+\\+deb13-arm64', 'arm64'),
];

export interface Guest {
  readonly name: string;
  readonly kernel: string;
  /** Words for the kernel's command line. */
  readonly append: readonly string[];
  readonly note: string;
}

const plain = KERNELS.map(({ name }): Guest => ({ name, kernel: name, append: [], note: '' }));

/** The plain guests, then those that are set up in another way. */
export const GUESTS: readonly Guest[] = [
  ...plain,
  { name: '6.1-hybrid', kernel: '6.1', append: ['vm.cgroups=hybrid'], note: 'cgroups v1 and v2' },
  { name: '6.1-v1', kernel: '6.1', append: ['vm.cgroups=v1'], note: 'cgroups v1 alone' },
  {
    name: '6.12-lockdown',
    kernel: '6.12',
    append: ['lockdown=confidentiality'],
    note: 'locked down to confidentiality',
  },
  {
    name: '7.3-lockdown',
    kernel: '7.3',
    append: ['lockdown=confidentiality'],
    note: 'locked down to confidentiality',
  },
];

export function kernelOf({ kernel }: Guest): Kernel {
  return KERNELS.find(({ name }) => name === kernel)!;
}
