// Mode C in a real cluster: pods that asked for the sidecar beside one that did not. Each sidecar must tell every process of
// its own pod that lives long enough to be seen by polling, as the pod itself wrote them down, and none of any other.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { VERSION } from '../../src/lib/version.ts';
import { type EventClient, openStream, runCognitod } from '../support/agent.ts';
import type { Cluster } from './cluster.ts';
import { type Forward, forwardTo } from './forward.ts';
import type { Release } from './release.ts';
import { until } from './scene.ts';
import { REPOSITORY } from './stand-in.ts';

const SIDECAR = 'cognitod-sidecar';
/** Of the sidecar, on loopback in its pod. */
const API_PORT = 19_463;
/** Processes of each container, of which four run at a time. */
const PROCESSES = 40;
/** Many times the collector's pause of 100 ms: the sidecar has a fifth of a CPU. */
const LIFE_SECONDS = 2;
const DONE_TIMEOUT_MS = 150_000;

/** Begins when it is told to, writes each process down before it starts it, and stays. $0 begins the marks. */
const SCRIPT =
  'while [ ! -f /tmp/go ]; do sleep 0.2; done; i=0; ' +
  `while [ $i -lt ${PROCESSES} ]; do echo "told $0/$i"; /bin/sh -c 'sleep ${LIFE_SECONDS}; :' "$0/$i" & i=$((i+1)); ` +
  '[ $((i % 4)) -eq 0 ] && wait; done; wait; echo done; while :; do sleep 1000; done';

/** Names of pods with their containers. */
const PODS = { single: ['app'], pair: ['web', 'worker'], beside: ['app'] } as const;
type PodName = keyof typeof PODS;
const ASKING: readonly PodName[] = ['single', 'pair'];

interface Watched {
  readonly name: PodName;
  readonly uid: string;
  /** By the names of containers. */
  readonly containerIds: ReadonlyMap<string, string>;
  readonly forward: Forward;
  readonly stream: EventClient;
}

export class SidecarScene {
  readonly #cluster: Cluster;
  readonly #release: Release;
  readonly #run: string;
  readonly #watched: Watched[] = [];

  constructor(cluster: Cluster, release: Release, run: string) {
    this.#cluster = cluster;
    this.#release = release;
    this.#run = run;
  }

  /** Whether all is as it must be, and the figures. */
  async play(): Promise<[boolean, string]> {
    const image = [`c.sidecarImage.repository=${REPOSITORY}`, `c.sidecarImage.tag=${VERSION}`];
    // The webhook is no part of the observability tier.
    await this.#release.put(['mode=sidecar', 'tolerations[0].operator=Exists', ...image]);
    await this.#kubectl(['create', 'namespace', this.#run]);
    await until('the namespace has its service account', 60_000, () =>
      this.#inSpace(['get', 'serviceaccount', 'default']).then(
        () => true,
        () => false,
      ),
    );
    const items = (Object.keys(PODS) as PodName[]).map((name) => this.#pod(name));
    await this.#kubectl(['create', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
    await this.#inSpace(['wait', 'pod', '--all', '--for=condition=Ready', '--timeout=90s'], {
      timeoutMs: 100_000,
    });
    for (const name of ASKING) this.#watched.push(await this.#watch(name));
    for (const [name, containers] of Object.entries(PODS))
      for (const container of containers)
        await this.#inSpace(['exec', name, '-c', container, '--', '/bin/touch', '/tmp/go']);
    const told = await this.#untilDone();
    // The ends of the last processes are on their way.
    await sleep(2000);
    const wrong: string[] = [];
    let [processes, events] = [0, 0];
    for (const watched of this.#watched) {
      const own = told.get(watched.name)!;
      const { right, complaints } = compareMarks(watched, own, this.#run);
      processes += right;
      events += watched.stream.events.length;
      wrong.push(...complaints, ...(await this.#compareLiving(watched)));
      wrong.push(...(await this.#examine(watched)));
      console.log(
        `  ${watched.name.padEnd(8)}${right} of ${own.size} processes right; ${watched.stream.events.length} events in all, ` +
          `${watched.stream.events.filter(({ pod_uid }) => pod_uid !== watched.uid).length} of other pods`,
      );
    }
    for (const text of wrong.slice(0, 10)) console.log(`  wrong: ${text}`);
    const all = this.#watched.reduce((sum, { name }) => sum + told.get(name)!.size, 0);
    const beside = told.get('beside')!.size;
    return [
      wrong.length === 0,
      `${processes} of ${all} processes that live ${LIFE_SECONDS} s, in ${this.#watched.length} pods with a sidecar; ` +
        `${events} events, none of the ${beside} processes beside them`,
    ];
  }

  async close(): Promise<void> {
    for (const { stream, forward } of this.#watched.splice(0)) {
      await stream.stop();
      await forward.close();
    }
    await this.#kubectl(['delete', 'namespace', this.#run, '--ignore-not-found', '--wait=false']);
    await this.#release.remove().catch(() => undefined);
  }

  async #watch(name: PodName): Promise<Watched> {
    const pod = JSON.parse(await this.#inSpace(['get', 'pod', name, '--output=json'])) as {
      metadata: { uid: string };
      status: { containerStatuses: { name: string; containerID: string }[] };
    };
    const { containerStatuses } = pod.status;
    if (!containerStatuses.some((status) => status.name === SIDECAR))
      throw new Error(`the pod ${name} has no sidecar`);
    const containerIds = new Map(
      containerStatuses.map((status) => [status.name, status.containerID.replace(/^.*:\/\//, '')] as const),
    );
    const forward = await forwardTo(this.#cluster, `${this.#run}/${name}`, API_PORT);
    const stream = await openStream(forward).catch(async (error) => {
      await forward.close();
      throw error;
    });
    return { name, uid: pod.metadata.uid, containerIds, forward, stream };
  }

  /** What each pod wrote down, when all have ended theirs. */
  async #untilDone(): Promise<Map<string, Set<string>>> {
    const told = new Map<string, Set<string>>();
    await until('every container has ended its processes', DONE_TIMEOUT_MS, async () => {
      let done = true;
      for (const [name, containers] of Object.entries(PODS)) {
        const marks = new Set<string>();
        for (const container of containers) {
          const lines = (await this.#inSpace(['logs', name, '-c', container])).split('\n');
          for (const line of lines) if (line.startsWith('told ')) marks.add(line.slice(5));
          done &&= lines.includes('done');
        }
        told.set(name, marks);
      }
      if (!done) await sleep(1000);
      return done;
    });
    return told;
  }

  /** The processes that the sidecar lists, and those that this node has in cgroups of the pod. */
  async #compareLiving({ name, uid, forward }: Watched): Promise<string[]> {
    let [listed, real]: [string, string] = ['', ''];
    for (let attempt = 0; attempt < 10; attempt++) {
      const { stdout } = await runCognitod(['ps', '--json', '--state=running', '--api', forward.api]);
      const { processes } = JSON.parse(stdout) as { processes: ProcessJson[] };
      listed = sorted(processes.map(({ pid }) => pid));
      real = sorted(pidsOfPod(uid));
      if (listed === real) return [];
      await sleep(300);
    }
    return [`${name}: the sidecar lists the processes ${listed}, the pod has ${real}`];
  }

  async #examine({ name }: Watched): Promise<string[]> {
    const command = ['/opt/cognitod/bin/cognitod', 'doctor', '--json'];
    const text = await this.#inSpace(['exec', name, '-c', SIDECAR, '--', ...command], {
      timeoutMs: 60_000,
    }).catch((error: { stdout?: string }) => {
      // It ends with 1 when a check failed.
      if (error.stdout?.startsWith('{') === true) return error.stdout;
      throw error;
    });
    const { checks } = JSON.parse(text) as { checks: { id: string; result: string; reason: string }[] };
    const count = (result: string) => checks.filter((one) => one.result === result).length;
    const warned = checks.filter(({ result }) => result === 'warn').map(({ id }) => id);
    console.log(
      `  ${name.padEnd(8)}doctor: ${count('ok')} ok, ${count('skip')} skipped, warnings: ${warned.join(', ') || 'none'}`,
    );
    return checks.flatMap(({ id, result, reason }) =>
      result === 'fail' ? [`${name}: doctor: ${id}: ${reason}`] : [],
    );
  }

  #pod(name: PodName): object {
    const { image, node } = this.#cluster;
    const field = (variable: string, fieldPath: string) => ({
      name: variable,
      valueFrom: { fieldRef: { fieldPath } },
    });
    const containers = PODS[name].map((container) => ({
      name: container,
      image,
      imagePullPolicy: 'IfNotPresent',
      command: ['/bin/sh', '-c', SCRIPT, `${this.#run}/$(POD_UID)/${container}`],
      env: [field('POD_UID', 'metadata.uid')],
    }));
    const annotations = ASKING.includes(name) ? { 'sidecar.linnix.io/inject': 'true' } : {};
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: this.#run, annotations },
      spec: { nodeName: node, terminationGracePeriodSeconds: 1, containers },
    };
  }

  #inSpace(args: readonly string[], options = {}): Promise<string> {
    return this.#kubectl(['--namespace', this.#run, ...args], options);
  }

  #kubectl(args: readonly string[], options = {}): Promise<string> {
    return this.#cluster.kubectl(args, options);
  }
}

/** Events of the sidecar against what its pod wrote down. */
function compareMarks({ name, uid, containerIds, stream }: Watched, told: ReadonlySet<string>, run: string) {
  const complaints: string[] = [];
  const byMark = new Map<string, EventJson[]>();
  for (const event of stream.events) {
    const facts = [event.namespace, event.pod_name, event.pod_uid].join();
    if (facts !== [run, name, uid].join()) complaints.push(`${name}: told of ${facts}: ${event.comm}`);
    const mark = event.argv?.find((argument) => /^[^/]+\/[^/]+\/[^/]+\/\d+$/.test(argument)) ?? null;
    if (mark === null || !mark.startsWith(`${run}/`)) continue;
    byMark.set(mark, [...(byMark.get(mark) ?? []), event]);
  }
  let right = 0;
  for (const mark of told) {
    const events = byMark.get(mark) ?? [];
    const container = mark.split('/')[2]!;
    const problems = ['exec', 'exit'].filter(
      (type) => events.filter((one) => one.type === type).length !== 1,
    );
    const places = new Set(events.map((event) => event.container_id));
    if (problems.length > 0) complaints.push(`${name}: ${mark}: not one ${problems.join(', ')}`);
    else if (places.size !== 1 || !places.has(containerIds.get(container)!))
      complaints.push(
        `${name}: ${mark}: told in ${[...places].join()}, not in ${containerIds.get(container)}`,
      );
    else right++;
  }
  for (const mark of byMark.keys()) if (!told.has(mark)) complaints.push(`${name}: told of ${mark}`);
  if (stream.gaps.length > 0) complaints.push(`${name}: the stream had ${stream.gaps.length} gaps`);
  return { right, complaints };
}

/** As the pod's own pid namespace numbers them, by the machine's /proc. */
function pidsOfPod(uid: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (!readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(`/pod${uid}/`)) return [];
      const [, pids] = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
      return pids === undefined ? [] : [Number(pids.split('\t').at(-1))];
    } catch {
      return [];
    }
  });
}

const sorted = (pids: readonly number[]) => [...pids].sort((a, b) => a - b).join(' ');
