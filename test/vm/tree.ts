// What of the checkout goes into a guest, as one archive; npm packages come on a disk of their own.
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './cache.ts';
import { run } from './run-command.ts';

const FOLDERS = ['src', 'test', 'bpf', 'scripts', 'deploy', 'docs', 'bench', 'web'];
const FILES = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'biome.json',
  'Makefile',
  '.gitignore',
];
const TEXTS = ['README.md', 'LICENSE', 'SECURITY.md', 'cognitod', 'build/web'];
/** Programs for the tests, where the guest's processor runs them. */
const PROGRAMS = ['build/process-workload', 'build/exit-with', 'build/workload'];
/** Where the guest looks for sources without types: guest/stripped.mjs. */
const STRIPPED = '.stripped';

export function writeTree(archive: string, withPrograms: boolean): void {
  const work = mkdtempSync(join(tmpdir(), 'cognitod-tree-'));
  try {
    for (const file of globSync(`{${FOLDERS.join(',')}}/**/*.ts`, { cwd: ROOT })) {
      const target = join(work, STRIPPED, file);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, stripTypeScriptTypes(readFileSync(join(ROOT, file), 'utf8')));
    }
    const wanted = [...FOLDERS, ...FILES, ...TEXTS, ...(withPrograms ? PROGRAMS : [])];
    const present = wanted.filter((path) => existsSync(join(ROOT, path)));
    run('tar', ['-cf', archive, '-C', ROOT, ...present, '-C', work, STRIPPED]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
