// A pod that makes many processes of a millisecond and ends; what the agent of a release says of each.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessJson } from '../../src/api/index.ts';
import type { Cluster } from './cluster.ts';
import type { Release } from './release.ts';

const PROCESSES = 300;
const END_MS = 60_000;

/** What is wrong: processes that are missing, or not told with this pod's uid, name and namespace. */
export async function compareBurst(cluster: Cluster, release: Release): Promise<string | string[]> {
  const name = `burst-${randomBytes(4).toString('hex')}`;
  const { kubectl } = cluster;
  const script = `i=0; while [ $i -lt ${PROCESSES} ]; do /bin/true ${name}-$i; i=$((i+1)); done`;
  // By the name of the node: the scheduler would heed the taint that is for the agent.
  const overrides = JSON.stringify({ apiVersion: 'v1', spec: { nodeName: cluster.node } });
  await kubectl([
    'run',
    name,
    '--namespace=default',
    `--image=${cluster.image}`,
    '--restart=Never',
    `--overrides=${overrides}`,
    '--command',
    '--',
    '/bin/sh',
    '-c',
    script,
  ]);
  try {
    const uid = await kubectl([
      'get',
      'pod',
      name,
      '--namespace=default',
      '--output=jsonpath={.metadata.uid}',
    ]);
    await untilEnded(cluster, name);
    return judge(await release.processesOf(uid), name, uid);
  } finally {
    await kubectl(['delete', 'pod', name, '--namespace=default', '--wait=false']);
  }
}

async function untilEnded({ kubectl }: Cluster, name: string): Promise<void> {
  for (const end = Date.now() + END_MS; Date.now() < end; await sleep(300)) {
    const phase = await kubectl([
      'get',
      'pod',
      name,
      '--namespace=default',
      '--output=jsonpath={.status.phase}',
    ]);
    if (phase === 'Succeeded') return;
    if (phase === 'Failed') break;
  }
  throw new Error(`pod ${name} did not succeed`);
}

function judge(processes: readonly ProcessJson[], name: string, uid: string): string | string[] {
  const marks = new Map<string, ProcessJson>();
  for (const process of processes) {
    const mark = process.argv?.find((argument) => argument.startsWith(`${name}-`));
    if (mark !== undefined && process.argv?.[0] === '/bin/true') marks.set(mark, process);
  }
  const wrong: string[] = [];
  if (marks.size !== PROCESSES)
    wrong.push(`${marks.size} of ${PROCESSES} processes were told with their pod`);
  for (const [mark, { pod_uid, pod_name, namespace, state, exit_code, container_id }] of marks) {
    const facts = [pod_uid, pod_name, namespace, state, exit_code, container_id?.length].join();
    const wanted = [uid, name, 'default', 'exited', 0, 64].join();
    if (facts !== wanted) wrong.push(`${mark}: ${facts}, not ${wanted}`);
  }
  return wrong.length === 0 ? `${marks.size} of ${PROCESSES}` : wrong.slice(0, 5);
}
