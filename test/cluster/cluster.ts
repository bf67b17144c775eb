// The cluster of a run: one that the environment names, or one of its own that is stopped at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubectl, kubectlWith } from './kubectl.ts';

const UP_TIMEOUT_MS = 900_000;
const DOWN_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 30_000;

export interface Cluster {
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** Null where the runtime cannot be asked from here. */
  readonly criSocket: string | null;
  readonly node: string;
  readonly image: string;
  /** The folder of a cluster that test/cluster/up started; null for another's, whose parts are not ours to stop. */
  readonly state: string | null;
  close(): Promise<void>;
}

/** `KUBECONFIG`: that cluster. `CLUSTER_STATE`: one that test/cluster/up started, and it is left running. */
export async function openCluster(env: NodeJS.ProcessEnv): Promise<Cluster> {
  const image = env.IMAGE ?? 'localhost/busybox:1';
  if (env.CLUSTER_STATE !== undefined) return ownCluster(env.CLUSTER_STATE, image, async () => undefined);
  if (env.KUBECONFIG === undefined) return startCluster(image);
  const kubectl = kubectlWith(env.KUBECTL ?? 'kubectl', env.KUBECONFIG);
  return {
    kubeconfig: env.KUBECONFIG,
    kubectl,
    criSocket: env.CRI_SOCKET ?? null,
    node: env.NODE_NAME ?? (await onlyNode(kubectl)),
    image,
    state: null,
    close: async () => undefined,
  };
}

async function startCluster(image: string): Promise<Cluster> {
  const state = mkdtempSync(join(tmpdir(), 'cognitod-cluster-'));
  const close = () => script('down', [state], DOWN_TIMEOUT_MS);
  const starting = script('up', [state, 'suite-node'], UP_TIMEOUT_MS);
  const stop = () => void close().finally(() => process.exit(130));
  // Not half a cluster: what is started so far has its pid files.
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    await starting;
    return await ownCluster(state, image, close);
  } catch (error) {
    await close();
    throw error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function ownCluster(state: string, image: string, close: () => Promise<void>): Promise<Cluster> {
  const env = new Map(
    readFileSync(join(state, 'env'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const kubeconfig = env.get('KUBECONFIG')!;
  const kubectl = kubectlWith(env.get('KUBECTL')!, kubeconfig);
  return {
    kubeconfig,
    kubectl,
    criSocket: env.get('CTR_SOCK')!,
    node: await onlyNode(kubectl),
    image,
    state,
    close,
  };
}

async function onlyNode(kubectl: Kubectl): Promise<string> {
  const names = (await kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n');
  if (names.length !== 1) throw new Error(`NODE_NAME must say which node this is: ${names.join(' ')}`);
  return names[0]!.replace(/^node\//, '');
}

/** One of the scripts beside this file, in a session of its own: the terminal's Ctrl-C is not meant for it. */
async function script(name: string, args: readonly string[], timeoutMs: number): Promise<void> {
  const child = spawn(join(import.meta.dirname, name), args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    timeout: timeoutMs,
  });
  const code = await ended(child);
  if (code !== 0) throw new Error(`test/cluster/${name} ended with ${code}`);
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });

/** Stops and starts a part of our own cluster, by the pid that up wrote. */
export function clusterPart(state: string, name: string) {
  const pid = Number(readFileSync(join(state, `${name}.pid`), 'utf8'));
  return {
    pause: () => process.kill(pid, 'SIGSTOP'),
    async kill() {
      process.kill(pid, 'SIGKILL');
      for (const until = Date.now() + START_TIMEOUT_MS; existsSync(`/proc/${pid}`); await sleep(50)) {
        if (Date.now() > until) throw new Error(`${name} does not end`);
      }
    },
    start: () => script('start', [state, name], START_TIMEOUT_MS),
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
