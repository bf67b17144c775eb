// Whether a container runtime answers: a socket that accepts connections proves nothing.
import { existsSync } from 'node:fs';
import { askRuntimeVersion, RuntimeFailure, type RuntimeSocket, runtimeSockets } from '../identity/index.ts';
import { type Check, ok, skip, type Surroundings, warn } from './check.ts';

const CALL_MS = 2_000;
const FIXES = {
  'no-permission':
    'the agent needs the right to write to the socket: run it with its group, or as root (who may use it rules the node)',
  misconfigured: 'containerd: take cri out of disabled_plugins; else name the right socket: runtime.cri',
  unreachable: 'is the runtime hung? crictl version asks the same',
} as const;

export const runtime: Check = {
  id: 'runtime',
  title: 'Can the container runtime be asked for names?',
  keepMs: 30_000,
  async run(surroundings) {
    const sockets = socketsOf(surroundings);
    if (sockets.length === 0) return skip('switched off by the configuration (runtime.cri, docker, podman)');
    const there = sockets.filter(({ path }) => existsSync(path));
    if (there.length === 0)
      return warn(
        'no socket of a runtime is there',
        'names then come from the Kubernetes API alone, which tells them late; mount the socket, e.g. /run/containerd/containerd.sock',
      );
    const answers = await Promise.all(there.map(ask));
    const good = answers.filter(({ failure }) => failure === null).map(({ text }) => text);
    if (good.length > 0) return ok(good.join('; '));
    const worst = answers[0]!.failure;
    return warn(answers.map(({ text }) => text).join('; '), FIXES[worst ?? 'unreachable']);
  },
};

/** Where the agent of this configuration looks. */
export const socketsOf = ({ config: { runtime: chosen } }: Pick<Surroundings, 'config'>): RuntimeSocket[] =>
  runtimeSockets({ ...chosen, hostRoot: chosen.host_root ?? '' });

async function ask({ protocol, path }: RuntimeSocket) {
  try {
    return { failure: null, text: `${await askRuntimeVersion(protocol, path, CALL_MS)} at ${path}` };
  } catch (error) {
    const failure = error instanceof RuntimeFailure ? error.state : 'unreachable';
    return { failure, text: (error as Error).message };
  }
}
