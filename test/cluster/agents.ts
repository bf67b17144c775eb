// The agents of a run: one for each choice of sources, all watching the same workloads.
import type { ProcessJson, StatusJson } from '../../src/api/index.ts';
import { type EventClient, openStream, runCognitod, startAgent } from '../support/agent.ts';
import type { Cluster } from './cluster.ts';
import { Evidence } from './evidence.ts';

export interface SuiteAgent {
  readonly title: string;
  /** Whether names come late by nature: the API tells of a container only after the kubelet has told it. */
  readonly mayBeLate: boolean;
  /** Of what the stream has brought so far. */
  evidence(): Evidence;
  listed(): Promise<ProcessJson[]>;
  status(): Promise<StatusJson>;
  gaps(): number;
  stop(): Promise<void>;
}

/** With the runtime's socket, and without it. */
export async function startAgents(cluster: Cluster, run: string): Promise<SuiteAgent[]> {
  const agents: SuiteAgent[] = [];
  try {
    if (cluster.criSocket !== null)
      agents.push(await startOne('Kubernetes API and container runtime', cluster, run, cluster.criSocket));
    agents.push(await startOne('Kubernetes API alone', cluster, run, 'off'));
    return agents;
  } catch (error) {
    for (const { stop } of agents) await stop();
    throw error;
  }
}

async function startOne(title: string, cluster: Cluster, run: string, cri: string): Promise<SuiteAgent> {
  const agent = await startAgent({
    env: {
      COGNITOD_KUBERNETES_API: cluster.kubeconfig,
      COGNITOD_NODE_NAME: cluster.node,
      COGNITOD_RUNTIME_CRI: cri,
      // The kubelet's --cgroup-root here: no place where names are believed by themselves.
      COGNITOD_KUBERNETES_CGROUP_ROOTS: '/k8s*',
      COGNITOD_RUNTIME_DOCKER: 'off',
      COGNITOD_RUNTIME_PODMAN: 'off',
      COGNITOD_MODEL_RETENTION_SECONDS: '3600',
      COGNITOD_MODEL_MAX_EXITED: '200000',
    },
  });
  return watchAgent({ title, mayBeLate: cri === 'off', run, api: agent.api, stop: () => agent.stop() });
}

export interface WatchedAgent {
  readonly title: string;
  readonly mayBeLate: boolean;
  /** Begins the marks of the run. */
  readonly run: string;
  readonly api: string;
  /** Called last, also when the stream does not open. */
  readonly stop: () => Promise<unknown>;
}

/** Follows the events of an agent that runs somewhere, by the program that people use for it. */
export async function watchAgent({ title, mayBeLate, run, api, stop }: WatchedAgent): Promise<SuiteAgent> {
  const agent = { api };
  let stream: EventClient;
  try {
    stream = await openStream(agent);
  } catch (error) {
    await stop();
    throw error;
  }
  const evidence = new Evidence(run);
  let taken = 0;
  return {
    title,
    mayBeLate,
    evidence() {
      for (; taken < stream.events.length; taken++) evidence.add(stream.events[taken]!);
      return evidence;
    },
    listed: async () =>
      (await ask<{ processes: ProcessJson[] }>(agent, ['ps', '--json', '--state', 'all', '--namespace', run]))
        .processes,
    status: () => ask<StatusJson>(agent, ['status', '--json']),
    gaps: () => stream.gaps.length,
    async stop() {
      await stream.stop();
      await stop();
    },
  };
}

async function ask<T>({ api }: { readonly api: string }, args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runCognitod([...args, '--api', api]);
  // `status` also ends with 1 when the agent is not ready.
  if (stdout === '') throw new Error(`cognitod ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
