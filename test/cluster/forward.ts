// `kubectl port-forward` to a pod, for as long as the run needs it: the same local port again when kubectl ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';
import { until } from './scene.ts';

const START_TIMEOUT_MS = 20_000;
const AGAIN_MS = 500;
const TRIES = 10;
/** A sidecar is ready for the kubelet before its agent listens. */
const ANSWER_TIMEOUT_MS = 60_000;

export interface Forward {
  /** `http://127.0.0.1:…` */
  readonly api: string;
  /** How often kubectl ended and was started again. */
  readonly restarts: () => number;
  close(): Promise<void>;
}

/** `pod` is NAMESPACE/NAME. Resolves when an agent answers there; rejects with what kubectl complained of. */
export async function forwardTo(cluster: Cluster, pod: string, port: number): Promise<Forward> {
  const first = await standing(cluster, pod, `:${port}`);
  const local = first.local;
  let [current, closed, restarts] = [first.child, false, 0];
  const follow = (child: ChildProcess) =>
    void child.once('exit', () => {
      if (closed) return;
      restarts++;
      void again().catch(() => undefined);
    });
  const again = async () => {
    for (let tried = 0; tried < TRIES && !closed; tried++) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      const next = await standing(cluster, pod, `${local}:${port}`).catch(() => null);
      if (next === null) continue;
      current = next.child;
      if (closed) await end(current);
      else follow(current);
      return;
    }
  };
  follow(current);
  const api = `http://127.0.0.1:${local}`;
  const close = async () => {
    closed = true;
    await end(current);
  };
  const answers = async () => {
    const answer = await fetch(`${api}/api/v1/status`, { signal: AbortSignal.timeout(5000) }).catch(
      () => null,
    );
    // A connection that was refused in the pod leaves a kubectl of 1.20 that listens and forwards nothing more.
    if (answer === null) await end(current);
    return answer?.ok === true;
  };
  try {
    await until(`the agent in ${pod} answers`, ANSWER_TIMEOUT_MS, answers);
    restarts = 0;
  } catch (error) {
    await close();
    throw error;
  }
  return { api, restarts: () => restarts, close };
}

/** Resolves when kubectl listens. */
async function standing({ kubeconfig, kubectlProgram }: Cluster, pod: string, ports: string) {
  const [namespace, name] = pod.split('/') as [string, string];
  const args = ['port-forward', '--address=127.0.0.1', '--namespace', namespace, `pod/${name}`, ports];
  const child = spawn(kubectlProgram, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  const local = await new Promise<number>((resolve, reject) => {
    const fail = () => reject(new Error(`kubectl port-forward ${pod} ${ports}: ${complaint.trim()}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail();
    }, START_TIMEOUT_MS);
    // Later lines tell of connections: somebody must read them.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    });
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      fail();
    });
  });
  return { child, local };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
