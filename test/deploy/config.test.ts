// Every configuration that the chart writes is one that the agent takes, and says what the pod has.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotRunHelm } from '../../scripts/helm.ts';
import { CONFIG_KEYS } from '../../src/lib/index.ts';
import { runCognitod } from '../support/agent.ts';
import { find, type Manifest, podTemplate, render, renderSet, SETS } from './rendered.ts';

const skip = cannotRunHelm();

/** As the container would: its file, its environment. */
async function check(manifests: readonly Manifest[]) {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-chart-'));
  try {
    const file = join(folder, 'cognitod.yaml');
    writeFileSync(file, find(manifests, 'ConfigMap').data['cognitod.yaml']);
    const { env } = podTemplate(manifests).spec.containers[0];
    return await runCognitod(['agent', '--check-config', '--config', file], {
      env: Object.fromEntries(env.map(({ name }: { name: string }) => [name, 'worker-1'])),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const hasPrivileges = CONFIG_KEYS.some(({ path }) => path === 'privileges.keep');

for (const set of SETS.filter((name) => !name.startsWith('c-'))) {
  test(`cognitod agent --check-config takes the configuration of ${set}`, { skip }, async (t) => {
    const manifests = renderSet(set);
    if (!hasPrivileges && find(manifests, 'ConfigMap').data['cognitod.yaml'].includes('privileges:'))
      return t.skip('the agent has no privileges.keep yet');
    const { code, stderr } = await check(manifests);
    assert.equal(code, 0, stderr);
  });
}

test('values of config are the agent’s keys: a wrong one is found by it', { skip }, async () => {
  const { code, stderr } = await check(render({ set: ['config.kernel.ring_bites=8MiB'] }));
  assert.notEqual(code, 0);
  assert.match(stderr, /the nearest is kernel\.ring_bytes/);
});

test('config is put over what the chart sets', { skip }, () => {
  const text = find(render({ set: ['config.ops.listen=127.0.0.1:9999'] }), 'ConfigMap').data['cognitod.yaml'];
  assert.match(text, /listen: 127\.0\.0\.1:9999/);
});

test('a changed configuration starts the pods again', { skip }, () => {
  const checksum = (set: string[]) =>
    (podTemplate(render({ set })).metadata as unknown as Manifest).annotations['checksum/config'];
  assert.notEqual(checksum([]), checksum(['config.kernel.ring_bytes=32MiB']));
});
