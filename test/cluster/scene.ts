// Everything that happens in the cluster: workloads, commands in their containers, a container for debugging, a static pod.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SuiteAgent } from './agents.ts';
import type { Cluster } from './cluster.ts';
import { execCommand } from './container.ts';
import { addEphemeralContainer } from './ephemeral.ts';
import type { Required } from './evidence.ts';
import { type ContainerLife, Pods, type SeenPod } from './pods.ts';
import { staticPod, steadyWorkload, type Workload, type WorkloadContext, workloads } from './workloads.ts';

const NAMESPACE_TIMEOUT_MS = 120_000;
const DONE_TIMEOUT_MS = 180_000;
/** For all short processes of a command, on a busy machine. */
const EXEC_TIMEOUT_MS = 120_000;
/** From the last event that was waited for to the verdict: exits of the last processes are on their way. */
const SETTLE_MS = 2000;

/** Workloads that go on starting processes: one that is there before the agents, one that comes later. */
export const BEFORE = 'before-agents';
export const STEADY = 'steady';
const ENDLESS = new Set([BEFORE, STEADY]);

export class Scene {
  readonly pods: Pods;
  readonly cluster: Cluster;
  readonly #namespace: string;
  readonly #run: string;
  /** What has to be seen. */
  readonly expected: Workload[] = [];
  readonly #execs: Required[] = [];
  readonly #manifests = new Set<string>();
  /** Null while it goes on. A container that starts again while the last events are waited for is not part of it. */
  #settled: readonly ContainerLife[] | null = null;
  #context: WorkloadContext | undefined;

  constructor(cluster: Cluster, run: string) {
    this.cluster = cluster;
    this.#run = run;
    this.#namespace = run;
    this.pods = new Pods(cluster.kubectl, run);
  }

  get context(): WorkloadContext {
    return this.#context!;
  }

  /** A namespace in which pods can be made. */
  async prepare(): Promise<void> {
    const { kubectl, node, image } = this.cluster;
    const hasCronJobs = (await kubectl(['get', '--raw', '/apis/batch/v1'])).includes('"CronJob"');
    const cronJobVersion = hasCronJobs ? 'batch/v1' : 'batch/v1beta1';
    this.#context = { run: this.#run, namespace: this.#namespace, node, image, cronJobVersion };
    await kubectl(['create', 'namespace', this.#namespace]);
    await until('the namespace has its service account', 60_000, () =>
      kubectl(['get', 'serviceaccount', 'default', '-n', this.#namespace]).then(
        () => true,
        () => false,
      ),
    );
    this.pods.watch();
  }

  /** What runs before the agents do. */
  async playBefore(): Promise<void> {
    await this.apply([steadyWorkload(this.context, BEFORE)]);
    await this.#running(BEFORE);
  }

  /** All workloads, and what is done to them while they run. */
  async play(): Promise<void> {
    await this.apply([...workloads(this.context), steadyWorkload(this.context, STEADY)]);
    if (this.cluster.state !== null) this.addStaticPod('static-pod');
    else console.log('skipped: a static pod: the kubelet of another cluster has its folder elsewhere');
    await this.#execIn('deployment', 'main', 'Deployment');
    await this.#execIn('four-containers', 'sidecar', 'Pod');
    await this.#execIn('statefulset', 'main', 'StatefulSet');
    await this.#debug('bare-pod');
    // Its last processes are told after the API has forgotten it; another pod takes its place.
    const { name } = await this.#running('replicaset');
    await this.cluster.kubectl(['delete', 'pod', name, '-n', this.#namespace]);
  }

  async apply(list: readonly Workload[]): Promise<void> {
    this.expected.push(...list);
    const items = list.map(({ manifest }) => manifest);
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await this.cluster.kubectl(['apply', '-f', '-'], { input });
  }

  /** Into the folder of our own kubelet, at once and whole. */
  addStaticPod(name: string): void {
    const workload = staticPod(this.context, name);
    const folder = this.cluster.state!;
    const file = join(folder, 'static', `${name}.json`);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(workload.manifest));
    renameSync(join(folder, `${name}.json`), file);
    this.#manifests.add(file);
    this.expected.push(workload);
  }

  /** What kubectl told of: when all was done, or up to now. */
  lives(): readonly ContainerLife[] {
    return this.#settled ?? [...this.pods.lives.values()];
  }

  /** Every life of every container that kubectl told of, and every command that ran in one. */
  required(): Required[] {
    const groups = new Set([...this.expected.map(({ group }) => group)]);
    const lives = this.lives().flatMap(({ podUid, container, life }) => {
      const pod = this.pods.pods.get(podUid)!;
      const group = pod.kinds.get(container) === 'ephemeral' ? 'ephemeral' : pod.group;
      const [endless, older] = [ENDLESS.has(group), group === BEFORE];
      return groups.has(pod.group) ? [{ group, podUid, container, life, endless, older }] : [];
    });
    return [...lives, ...this.#execs];
  }

  /** Until all that must happen has happened and every agent has told of it. Rejects with what is missing. */
  async waitDone(agents: readonly SuiteAgent[]): Promise<void> {
    this.#settled = null;
    const missing = () => {
      const rows = this.expected.flatMap((workload) => this.#missingOf(workload));
      for (const { title, evidence } of agents) {
        const known = evidence();
        for (const life of this.required())
          if (!life.endless && !known.isDone(life))
            rows.push(`${title}: nothing of the end of ${life.group} ${life.container} ${life.life}`);
      }
      return rows;
    };
    await until('all workloads have done their part', DONE_TIMEOUT_MS, async () => {
      await this.pods.look().catch(() => undefined);
      return missing().length === 0;
    }).catch((error) => {
      // The verdict says the same in figures.
      console.log(`${error.message}:\n  ${missing().join('\n  ')}`);
    });
    this.#settled = this.lives();
    await sleep(SETTLE_MS);
  }

  /** Until a pod that kubectl need not know has ended its short processes. */
  async sawEnd(group: string, agents: readonly SuiteAgent[]): Promise<void> {
    await until(`every agent tells of the end of ${group}`, DONE_TIMEOUT_MS, async () =>
      agents.every((agent) => agent.evidence().isDoneSomewhere(group)),
    );
  }

  /** `gone`: its pods too, though the cluster goes as a whole later. */
  async close({ gone = this.cluster.isKept } = {}): Promise<void> {
    for (const file of this.#manifests) rmSync(file, { force: true });
    await this.pods.stop();
    if (!gone) return;
    const timeoutMs = NAMESPACE_TIMEOUT_MS;
    // A cluster of the run's own goes as a whole: nobody waits for the last trace.
    const wait = `--wait=${this.cluster.isKept}`;
    const args = ['delete', 'namespace', this.#namespace, '--ignore-not-found', wait];
    await this.cluster.kubectl(args, { timeoutMs });
  }

  #missingOf({ group, pods, lives }: Workload): string[] {
    const seen = this.pods.ofGroup(group);
    if (seen.length < pods) return [`${group}: ${seen.length} of ${pods} pods`];
    return seen.flatMap(({ uid, name, kinds }) =>
      [...kinds.keys()].flatMap((container) => {
        const count = this.pods.livesOf(uid).filter((life) => life.container === container).length;
        return count >= lives ? [] : [`${name}: ${container} was started ${count} of ${lives} times`];
      }),
    );
  }

  async #running(group: string): Promise<SeenPod> {
    await until(`${group} runs`, 60_000, async () => {
      const [pod] = this.pods.ofGroup(group);
      return pod !== undefined && this.#missingOf({ group, pods: 1, lives: 1, manifest: {} }).length === 0;
    });
    return this.pods.ofGroup(group)[0]!;
  }

  async #execIn(group: string, container: string, workloadKind: string): Promise<void> {
    const pod = await this.#running(group);
    const workloadName = pod.owner.name;
    const mark = { group: 'exec', container, kind: 'app' as const, workloadKind, workloadName };
    const command = execCommand(this.#run, mark);
    const args = ['exec', '-n', this.#namespace, pod.name, '-c', container, '--', ...command];
    await this.cluster.kubectl(args, { timeoutMs: EXEC_TIMEOUT_MS });
    this.#execs.push({ group: 'exec', podUid: pod.uid, container, life: 0 });
  }

  async #debug(group: string): Promise<void> {
    const pod = await this.#running(group);
    const skipped = await addEphemeralContainer(this.cluster.kubectl, this.context, pod);
    if (skipped !== null) console.log(`skipped: an ephemeral container: ${skipped}`);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks every 200 ms. */
export async function until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await isSo()); await sleep(200))
    if (Date.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
}
