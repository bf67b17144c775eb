// What an ELF file of any architecture needs, as binutils' readelf tells.
import { execFileSync } from 'node:child_process';
import { openSync, readSync, closeSync } from 'node:fs';

export interface ElfFile {
  /** As readelf names it, e.g. `AArch64`. */
  readonly machine: string;
  readonly soname: string | null;
  /** Sonames of the libraries that the loader must find. */
  readonly needed: readonly string[];
  /** Path of the loader; null for libraries. */
  readonly interpreter: string | null;
}

export const ELF_MACHINE = { amd64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' } as const;

export function isElf(file: string): boolean {
  const fd = openSync(file, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(fd, magic, 0, 4, 0);
    return magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(fd);
  }
}

/** Throws when readelf cannot read it. */
export function readElf(file: string): ElfFile {
  const text = execFileSync('readelf', ['-h', '-l', '-d', '-W', file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 16 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return {
    machine: /^ *Machine: +(.+)$/m.exec(text)?.[1] ?? 'unknown',
    soname: /\(SONAME\).*\[(.+)\]/.exec(text)?.[1] ?? null,
    needed: [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]!),
    interpreter: /\[Requesting program interpreter: (.+)\]/.exec(text)?.[1] ?? null,
  };
}
