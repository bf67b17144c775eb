// The agent as a container: its root is the host's own directories, read-only, so that no image has to be built.
import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { RunningAgent } from '../support/agent.ts';
import type { Containerd } from './containerd.ts';
import { HOST } from './images.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 30_000;

/**
 * Starts it privileged in a cgroup namespace of its own. Without the host's pid namespace it gets the host's /proc at
 * /host/proc, read-only.
 */
export async function startContainedAgent(
  { cri, socket }: Containerd,
  options: { hostPid: boolean; env: Record<string, string> },
): Promise<{ agent: Pick<RunningAgent, 'api'>; stop(): Promise<void> }> {
  const pod = await cri.runPod({
    name: 'cognitod',
    namespace: 'cognitod',
    uid: randomUUID(),
    privileged: true,
    hostPid: options.hostPid,
  });
  const stop = () => cri.removePod(pod);
  try {
    const [api, ops] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const own = ['/usr', '/lib', '/lib64', '/bin', '/sbin', '/etc'].map((path) => mount(path));
    const modules = realpathSync(join(ROOT, 'node_modules'));
    const mounts = [
      ...own,
      mount(ROOT),
      mount(socket),
      ...(modules.startsWith(`${ROOT}/`) ? [] : [mount(modules)]),
    ];
    if (!options.hostPid) mounts.push({ container_path: '/host/proc', host_path: '/proc', readonly: true });
    const command = [join(ROOT, 'cognitod'), 'agent', '--quiet', '--api-listen', api, '--ops-listen', ops];
    if (!options.hostPid) command.push('--proc-root', '/host/proc');
    const annotations = { 'e2e/cgroup-namespace': 'private' };
    await cri.startContainer(
      await cri.createContainer(pod, {
        name: 'agent',
        image: HOST,
        command,
        mounts,
        annotations,
        env: options.env,
      }),
    );
    await waitReady(`http://${ops}/readyz`);
    return { agent: { api: `http://${api}` }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const mount = (path: string) => ({ container_path: path, host_path: path, readonly: true });

async function waitReady(url: string): Promise<void> {
  for (const until = Date.now() + START_TIMEOUT_MS; Date.now() < until; ) {
    const ready = await fetch(url).catch(() => undefined);
    if (ready?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the agent in the container did not become ready');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
