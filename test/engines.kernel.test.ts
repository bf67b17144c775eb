// Containers of a real Docker and a real podman, without Kubernetes. Needs root and BPF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventJson } from '../src/api/index.ts';
import { cannotRun, type EngineName, startEngine } from './e2e/engines.ts';
import { BURST } from './e2e/images.ts';
import { openStream, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';

const PROCESSES = 200;
const EXPECTED = 2 * PROCESSES + PROCESSES / 2 + 2;

for (const name of ['docker', 'podman'] as EngineName[]) {
  test(`every process in a container of ${name} has the container's id, name and image`, {
    skip: cannotUseBpf() || cannotRun(name),
    timeout: 120_000,
  }, async (t) => {
    const engine = await startEngine(name);
    t.after(() => engine.close());
    const env = {
      COGNITOD_RUNTIME_CRI: 'off',
      [`COGNITOD_RUNTIME_${name.toUpperCase()}`]: engine.socket,
      // Its containers are below a directory of this test's, where nobody would believe their names.
      COGNITOD_KUBERNETES_CGROUP_ROOTS: `/cognitod-${name}-*`,
    };
    const agent = await startAgent({ env });
    t.after(() => agent.stop());
    const stream = await openStream(agent);
    t.after(() => stream.stop());
    const id = await engine.run('checkout', '/burst', 'run', String(PROCESSES), 'mark-of-checkout');
    await engine.wait(id);

    const isFirst = (event: EventJson) =>
      event.type === 'exec' && event.argv?.[0] === '/burst' && event.argv.length === 4;
    await stream.until((events) => {
      const first = events.find(isFirst);
      return events.some((event) => event.type === 'exit' && event.process_id === first?.process_id);
    });
    const first = stream.events.find(isFirst)!;
    const children = new Set(
      stream.events
        .filter((event) => event.type === 'fork' && event.parent_process_id === first.process_id)
        .map((event) => event.process_id),
    );
    const inside = stream.events.filter(
      (event) =>
        children.has(event.process_id) ||
        (event.process_id === first.process_id && (event === first || event.type === 'exit')),
    );
    assert.equal(inside.length, EXPECTED);
    for (const event of inside) {
      assert.deepEqual(
        [event.container_id, event.container_name, event.image, event.pod_uid, event.provenance],
        [id, 'checkout', BURST, null, 'kernel-cgroup'],
      );
      assert.deepEqual(event.metadata_provenance, {
        pod: 'not-a-pod',
        container: name,
        workload: 'not-a-pod',
      });
      assert.deepEqual(event.tags, [`container:${id.slice(0, 12)}`]);
    }
  });
}
