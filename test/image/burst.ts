// Processes of another pod, and whether the agent told all of them with the right container.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Containerd } from '../e2e/containerd.ts';
import { BURST } from '../e2e/images.ts';
import type { EventClient } from '../support/agent.ts';

const CHILDREN = 40;

/** Fork and exit of every child, an exec of every second: each must come, with this pod and container. */
export async function assertOtherPodIsSeen({ cri }: Containerd, stream: EventClient): Promise<void> {
  const uid = randomUUID();
  const mark = `mark-${uid}`;
  const pod = await cri.runPod({ name: 'other', namespace: 'default', uid });
  try {
    const command = ['/burst', 'run', String(CHILDREN), mark];
    const containerId = await cri.createContainer(pod, { name: 'main', image: BURST, command });
    await cri.startContainer(containerId);
    assert.equal(await cri.waitContainer(containerId), 0);
    // By argv and parents only, never by what is to be shown.
    const children = () => {
      const first = stream.events.find(
        ({ type, argv }) => type === 'exec' && argv?.[0] === '/burst' && argv.at(-1) === mark,
      );
      const ids = new Set(
        stream.events
          .filter(({ type, parent_process_id }) => type === 'fork' && parent_process_id === first?.process_id)
          .map(({ process_id }) => process_id),
      );
      return stream.events.filter(({ process_id }) => ids.has(process_id));
    };
    const expected = { fork: CHILDREN, exec: CHILDREN / 2, exit: CHILDREN };
    const total = expected.fork + expected.exec + expected.exit;
    await stream.until(() => children().length >= total, 15_000);
    const found = children();
    for (const [type, count] of Object.entries(expected))
      assert.equal(found.filter((event) => event.type === type).length, count, type);
    for (const event of found) {
      assert.equal(event.container_id, containerId);
      assert.equal(event.pod_uid, uid);
    }
  } finally {
    await cri.removePod(pod);
  }
}
