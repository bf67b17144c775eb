// The licences of everything in the image that is not ours, in one text.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NpmPackage } from './npm.ts';

/** Debian's copyright files refer to these instead of having the text (base-files). */
const COMMON = /\/usr\/share\/common-licenses\/([A-Za-z0-9.-]*[A-Za-z0-9])/g;

export interface DebianLicenses {
  readonly name: string;
  readonly version: string;
  /** The package unpacked; its copyright file may be a link to another package's. */
  readonly directory: string;
}

/** `common` is a directory like /usr/share/common-licenses. Throws when a Debian package has no copyright file. */
export function licensesText(
  npm: readonly NpmPackage[],
  debian: readonly DebianLicenses[],
  common: string,
): string {
  const parts = npm.map(({ name, version, license, directory }) => ({
    title: `npm ${name} ${version}: ${license}`,
    text: npmLicense(directory) ?? `The package brings no licence text; it declares: ${license}`,
  }));
  const used = new Set<string>();
  for (const { name, version, directory } of debian) {
    const text = readFileSync(join(directory, 'usr/share/doc', name, 'copyright'), 'utf8');
    for (const [, file] of text.matchAll(COMMON)) used.add(file!);
    parts.push({ title: `Debian ${name} ${version}`, text });
  }
  for (const file of [...used].sort()) {
    const path = join(common, file);
    if (existsSync(path)) parts.push({ title: `The text of ${file}`, text: readFileSync(path, 'utf8') });
  }
  const line = '='.repeat(100);
  return parts.map(({ title, text }) => `${line}\n${title}\n${line}\n${text.trim()}\n`).join('\n');
}

/** All files of a package that look like a licence, one after the other. */
function npmLicense(directory: string): string | null {
  const files = readdirSync(directory).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  if (files.length === 0) return null;
  return files
    .sort()
    .map((name) => readFileSync(join(directory, name), 'utf8').trim())
    .join('\n\n');
}
