// Checks manifests against the published types of Kubernetes, unknown fields included, without a server: each becomes an
// object literal of its type, and the compiler finds what the type has not.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from './rendered.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Where the types of an apiVersion are; custom resources have minimal ones of ours. */
const MODULES: Readonly<Record<string, string>> = {
  v1: 'kubernetes-types/core/v1.d.ts',
  'apps/v1': 'kubernetes-types/apps/v1.d.ts',
  'batch/v1': 'kubernetes-types/batch/v1.d.ts',
  'networking.k8s.io/v1': 'kubernetes-types/networking/v1.d.ts',
  'rbac.authorization.k8s.io/v1': 'kubernetes-types/rbac/v1.d.ts',
  'scheduling.k8s.io/v1': 'kubernetes-types/scheduling/v1.d.ts',
  'admissionregistration.k8s.io/v1': 'kubernetes-types/admissionregistration/v1.d.ts',
  'monitoring.coreos.com/v1': './custom-resources.ts',
  'cert-manager.io/v1': './custom-resources.ts',
};

export interface Problem {
  readonly object: string;
  readonly message: string;
}

/** Nothing, or what is wrong, by `SOURCE KIND/NAME`. */
export function findProblems(manifests: readonly { source: string; manifest: Manifest }[]): Problem[] {
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'build/kubernetes-schema-'));
  try {
    const problems: Problem[] = [];
    const lines: string[] = [];
    const objects: string[] = [];
    for (const { source, manifest } of manifests) {
      const object = `${source} ${manifest.kind}/${manifest.metadata?.name}`;
      const module = MODULES[manifest.apiVersion];
      if (module === undefined) {
        problems.push({ object, message: `the apiVersion ${manifest.apiVersion} is unknown here` });
        continue;
      }
      const from = module.startsWith('.') ? join(import.meta.dirname, module) : module;
      // One line for one object, so that a line number names it.
      lines.push(
        `export const o${objects.length}: import(${JSON.stringify(from)}).${manifest.kind} = ${JSON.stringify(manifest)};`,
      );
      objects.push(object);
    }
    writeFileSync(join(folder, 'objects.ts'), lines.join('\n'));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: { types: [], rootDir: '../..', exactOptionalPropertyTypes: false },
        include: ['objects.ts', '../../test/deploy/missing-fields.ts'],
      }),
    );
    const tsc = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    });
    for (const match of tsc.stdout.matchAll(/^objects\.ts\((\d+),\d+\): (.*(?:\n {2}.*)*)/gm))
      problems.push({ object: objects[Number(match[1]) - 1]!, message: match[2]! });
    if (tsc.status !== 0 && problems.length === 0) throw new Error(`tsc: ${tsc.stdout}${tsc.stderr}`);
    return problems;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
