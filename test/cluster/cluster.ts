// The cluster of a run: one that the environment names, or one of its own that is stopped at the end.
import { spawn } from 'node:child_process';
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
  /** For what goes on while others are called: a port-forward. */
  readonly kubectlProgram: string;
  /** Null where the runtime cannot be asked from here. */
  readonly criSocket: string | null;
  readonly node: string;
  readonly image: string;
  /** The folder of a cluster that test/cluster/up started; null for another's, whose parts are not ours to stop. */
  readonly state: string | null;
  /** Whether it goes on after the run, so that nothing of the run may stay in it. */
  readonly isKept: boolean;
}

/**
 * `KUBECONFIG`: that cluster. `CLUSTER_STATE`: one that test/cluster/up started, and it is left running. Otherwise one
 * is started; `beforeStart` takes what stops it, from before its first process on.
 */
export async function openCluster(
  env: NodeJS.ProcessEnv,
  beforeStart: (stop: () => Promise<void>) => void,
): Promise<Cluster> {
  const image = env.IMAGE ?? 'localhost/busybox:1';
  if (env.CLUSTER_STATE !== undefined) return ownCluster(env.CLUSTER_STATE, image, true);
  if (env.KUBECONFIG === undefined) return startCluster(image, beforeStart);
  const kubectlProgram = env.KUBECTL ?? 'kubectl';
  const kubectl = kubectlWith(kubectlProgram, env.KUBECONFIG);
  return {
    kubeconfig: env.KUBECONFIG,
    kubectl,
    kubectlProgram,
    criSocket: env.CRI_SOCKET ?? null,
    node: env.NODE_NAME ?? (await onlyNode(kubectl)),
    image,
    state: null,
    isKept: true,
  };
}

async function startCluster(
  image: string,
  beforeStart: (stop: () => Promise<void>) => void,
): Promise<Cluster> {
  const state = mkdtempSync(join(tmpdir(), 'cognitod-cluster-'));
  const up = script('up', [state, 'suite-node'], UP_TIMEOUT_MS);
  beforeStart(async () => {
    // Half a cluster has the pid files of what is there.
    await up.kill();
    await script('down', [state], DOWN_TIMEOUT_MS).ended;
  });
  await up.ended;
  return ownCluster(state, image, false);
}

async function ownCluster(state: string, image: string, isKept: boolean): Promise<Cluster> {
  const env = new Map(
    readFileSync(join(state, 'env'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const kubeconfig = env.get('KUBECONFIG')!;
  const kubectlProgram = env.get('KUBECTL')!;
  const kubectl = kubectlWith(kubectlProgram, kubeconfig);
  return {
    kubeconfig,
    kubectl,
    kubectlProgram,
    criSocket: env.get('CTR_SOCK')!,
    node: await onlyNode(kubectl),
    image,
    state,
    isKept,
  };
}

async function onlyNode(kubectl: Kubectl): Promise<string> {
  const names = (await kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n');
  if (names.length !== 1) throw new Error(`NODE_NAME must say which node this is: ${names.join(' ')}`);
  return names[0]!.replace(/^node\//, '');
}

/** One of the scripts beside this file, in a session of its own: the terminal's Ctrl-C is not meant for it. */
function script(name: string, args: readonly string[], timeoutMs: number) {
  const child = spawn(join(import.meta.dirname, name), args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    timeout: timeoutMs,
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const ended = exited.then((code) => {
    if (code !== 0) throw new Error(`test/cluster/${name} ended with ${code}`);
  });
  // Who stops it does not wait for its end.
  ended.catch(() => undefined);
  return {
    ended,
    /** With the commands that it runs, but not with what it started for good. */
    async kill() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}

export interface ClusterPart {
  pause(): void;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Starts it if it was paused or killed and not started since. */
  restore(): Promise<void>;
}

/** A part of our own cluster, by the pid that up wrote. */
export function clusterPart(state: string, name: string): ClusterPart {
  const pid = Number(readFileSync(join(state, `${name}.pid`), 'utf8'));
  let isDown = false;
  const part = {
    pause() {
      isDown = true;
      process.kill(pid, 'SIGSTOP');
    },
    async kill() {
      isDown = true;
      if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
      for (const until = Date.now() + START_TIMEOUT_MS; existsSync(`/proc/${pid}`); await sleep(50)) {
        if (Date.now() > until) throw new Error(`${name} does not end`);
      }
    },
    async start() {
      isDown = false;
      await script('start', [state, name], START_TIMEOUT_MS).ended;
    },
    async restore() {
      if (!isDown) return;
      await part.kill();
      await part.start();
    },
  };
  return part;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
