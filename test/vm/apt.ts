// A private apt for another Debian suite or architecture: the machine's own mirror, lists of its own, nothing installed.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './cache.ts';
import type { Arch } from './guests.ts';
import { run } from './run-command.ts';

const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The addresses of Debian that this machine uses. */
export function mirrors(): { archive: string; security: string } {
  const texts = ['/etc/apt/sources.list', ...listed('/etc/apt/sources.list.d')].flatMap((file) =>
    existsSync(file) ? [readFileSync(file, 'utf8')] : [],
  );
  const found = texts.flatMap((text) => [...text.matchAll(/https?:\/\/[^\s\]]+/g)].map(([url]) => url));
  const archive = found.find((url) => /\/debian\/?$/.test(url)) ?? DEFAULT_MIRROR;
  const security = found.find((url) => /debian-security\/?$/.test(url));
  return { archive, security: security ?? archive.replace(/\/debian\/?$/, '/debian-security') };
}

const listed = (folder: string) =>
  existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];

export class Apt {
  readonly #config: string;

  constructor(suite: string, arch: Arch) {
    const folder = join(CACHE, 'apt', `${suite}-${arch}`);
    this.#config = join(folder, 'apt.conf');
    if (existsSync(join(folder, 'updated'))) return;
    for (const part of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    const { archive, security } = mirrors();
    const line = (url: string, name: string) =>
      `deb [arch=${arch} signed-by=${KEYRING}] ${url} ${name} main\n`;
    const base = suite.replace(/-backports$/, '');
    const lines =
      base === suite ? line(archive, suite) + line(security, `${suite}-security`) : line(archive, suite);
    writeFileSync(join(folder, 'sources.list'), lines);
    writeFileSync(
      this.#config,
      `Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::Lists "${folder}/lists";
Dir::Cache "${folder}/cache";
APT::Architecture "${arch}";
APT::Architectures { "${arch}"; };
Acquire::Languages "none";
APT::Sandbox::User "root";
`,
    );
    this.#run('apt-get', ['update', '-qq']);
    mkdirSync(join(folder, 'updated'), { recursive: true });
  }

  #run(command: string, args: readonly string[], cwd?: string): string {
    return run(command, args, { env: { APT_CONFIG: this.#config }, ...(cwd === undefined ? {} : { cwd }) });
  }

  /** The newest package whose name matches. Throws when there is none. */
  newest(pattern: RegExp): string {
    const names = this.#run('apt-cache', ['pkgnames', 'linux-'])
      .split('\n')
      .filter((name) => pattern.test(name));
    // Names of which the lists know but the archive has nothing have no candidate.
    const sorted = run('sort', ['-V'], { input: names.join('\n') })
      .trim()
      .split('\n')
      .reverse();
    const found = sorted.find(
      (name) => name !== '' && /Candidate: (?!\(none\))/.test(this.#run('apt-cache', ['policy', name])),
    );
    if (found === undefined) throw new Error(`no package is called like ${pattern}`);
    return found;
  }

  /** Unpacks packages into a folder, without installing anything. */
  unpack(packages: readonly string[], folder: string): void {
    const debs = join(folder, 'deb');
    mkdirSync(debs, { recursive: true });
    this.#run('apt-get', ['download', '-qq', ...packages], debs);
    for (const deb of readdirSync(debs)) run('dpkg', ['-x', join(debs, deb), join(folder, 'tree')]);
    run('rm', ['-rf', debs]);
  }
}
