// The pods that come out are Kubernetes pods: checked by the compiler against the published types, where a field that is
// unknown, missing or of another type is an error. What the types do not know (quantities, names) the real API server
// judges in test/cluster/admission.ts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyPatch } from 'rfc6902';
import { type PodObject, SHAPES } from './pods.fixture.ts';
import { reviewPod } from './reviewer.fixture.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What the compiler says of each pod, by its index. */
function compile(pods: readonly unknown[]): Map<number, string> {
  // Below the checkout, so that the types are found.
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'build/pod-schema-'));
  try {
    const types = "import type { Pod } from 'kubernetes-types/core/v1.d.ts';";
    // One pod on a line, so that a line number names it.
    const lines = pods.map((pod, index) => `export const pod${index}: Pod = ${JSON.stringify(pod)};`);
    writeFileSync(join(folder, 'pods.ts'), [types, ...lines].join('\n'));
    const compilerOptions = { types: [], rootDir: '../..', exactOptionalPropertyTypes: false };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['pods.ts'] }),
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const found = [...stdout.matchAll(/^pods\.ts\((\d+),\d+\): (.*)/gm)];
    assert.ok(status === 0 || found.length > 0, stdout + stderr);
    return new Map(found.map(([, line, message]) => [Number(line) - 2, message!]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('every pod that comes out is one of the schema of Kubernetes, and unknown fields are found', async () => {
  const pods: unknown[] = [];
  for (const pod of Object.values(SHAPES)) {
    // A field of later versions than the types'.
    if (pod.spec.resources !== undefined) continue;
    for (const native of [true, false])
      for (const ptrace of [true, false]) {
        const { patch, result } = await reviewPod(pod, { rules: { native, ptrace } });
        assert.equal(result, 'injected');
        const changed = structuredClone(pod);
        applyPatch(changed, patch as never);
        pods.push(changed);
      }
  }
  const good = pods.length;
  const broken = structuredClone(pods[0]) as PodObject;
  const [sidecar] = broken.spec.initContainers as object[];
  pods.push(
    { ...broken, spec: { ...broken.spec, initContainers: [{ ...sidecar, securityContexts: {} }] } },
    { ...broken, spec: { ...broken.spec, initContainers: [{ ...sidecar, env: [{ value: 'x' }] }] } },
    { ...broken, spec: { ...broken.spec, shareProcessNamespace: 'yes' } },
  );
  assert.deepEqual([...compile(pods).keys()], [good, good + 1, good + 2]);
});
