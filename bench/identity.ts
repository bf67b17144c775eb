// What it costs to tell which pod, container and workload an event belongs to, and to remember 500 pods.
import type { ProcessEvent } from '../src/decode/index.ts';
import {
  CgroupRegistry,
  type ContainerFacts,
  type Identity,
  type MetadataSink,
  type MetadataSource,
  type MetadataSourceName,
  MetadataStore,
  type PodFacts,
} from '../src/identity/index.ts';
import { type AppliedEvent, EventBus, LateBinding } from '../src/model/index.ts';
import { agentNsPerEvent } from './agent-cpu.ts';
import { costNs, type Figure, type Measurement, median } from './measurement.ts';
import { makeDecoder, makeTable } from './pipeline.ts';
import { makeLives, type RecordBatch } from './records.ts';

const PODS = 500;
const CONTAINERS_PER_POD = 2;
/** The pause container has a cgroup too. */
export const CGROUPS = PODS * (CONTAINERS_PER_POD + 1);
const PROCESSES = 20_000;
/** As many as the ring gives at once under load. */
const EVENTS_PER_BATCH = 500;

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
const uidOf = (pod: number) => `1399d9c7-c86f-4371-8568-${hex(pod, 12)}`;
const containerIdOf = (pod: number, container: number) => hex(pod * 16 + container, 8).repeat(8);

function podFacts(pod: number, source: MetadataSourceName): PodFacts {
  const api = source === 'kube-api';
  return {
    uid: uidOf(pod),
    name: `checkout-7d9c6b5f48-${hex(pod, 5)}`,
    namespace: `shop-${pod % 20}`,
    labels: { app: 'checkout', 'app.kubernetes.io/name': 'checkout', version: `1.${pod % 7}` },
    annotations: {},
    node: api ? 'node-1' : null,
    serviceAccount: api ? 'checkout' : null,
    workload: api ? { kind: 'Deployment', name: 'checkout' } : null,
  };
}

function containerFacts(pod: number, source: MetadataSourceName): ContainerFacts[] {
  const facts = (container: number): ContainerFacts => ({
    id: containerIdOf(pod, container),
    podUid: uidOf(pod),
    name: container === 0 ? null : `app-${container}`,
    kind: container === 0 ? 'sandbox' : 'app',
    image: container === 0 ? null : 'registry.example/shop/checkout:1.2.3',
    imageId: container === 0 ? null : `sha256:${'ab'.repeat(32)}`,
    startedAt: '2026-11-23T10:00:00Z',
    restartCount: 0,
  });
  // The API does not know of the pause container.
  const first = source === 'kube-api' ? 1 : 0;
  return Array.from({ length: CONTAINERS_PER_POD + 1 - first }, (_, index) => facts(index + first));
}

/** A source that says what the measurement makes it say. */
class ScriptedSource implements MetadataSource {
  readonly name: MetadataSourceName;
  #sink: MetadataSink | undefined;

  constructor(name: MetadataSourceName) {
    this.name = name;
  }

  start(sink: MetadataSink): void {
    this.#sink = sink;
    this.#tellAll(0);
  }

  /** The oldest pod goes and another comes: the API tells these two, a runtime everything. Call what it gives. */
  change(oldest: number): () => void {
    const come = oldest + PODS;
    if (this.name !== 'kube-api') return this.#tellAll(oldest + 1, false);
    const [pod, containers] = [podFacts(come, this.name), containerFacts(come, this.name)];
    return () => {
      this.#sink!.remove(this.name, uidOf(oldest));
      this.#sink!.upsert(this.name, pod, containers);
    };
  }

  status() {
    const figures = { objects: PODS, requests: 1, failures: 0, lastSuccess: null };
    return { name: this.name, endpoint: 'none', state: 'ok' as const, reason: null, ...figures };
  }

  hint(): void {}

  async close(): Promise<void> {}

  #tellAll(first: number, now = true): () => void {
    const numbers = Array.from({ length: PODS }, (_, index) => first + index);
    const pods = numbers.map((pod) => podFacts(pod, this.name));
    const containers = numbers.flatMap((pod) => containerFacts(pod, this.name));
    const tell = () => this.#sink!.replace(this.name, pods, containers);
    if (now) tell();
    return tell;
  }
}

const HOST: Identity = Object.freeze({
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  tags: [],
  unit: null,
  cgroupPath: '/',
  provenance: 'not-a-container',
});

/** From records to listeners, as the agent does it; without `resolves` everything is of the host. */
export function makeWay(resolves: boolean) {
  const decoder = makeDecoder();
  const registry = new CgroupRegistry({ readProcCgroup: () => null });
  const sources = resolves ? [new ScriptedSource('kube-api'), new ScriptedSource('cri')] : [];
  const metadata = new MetadataStore({
    sources,
    nowMs: () => performance.now(),
    retentionMs: 600_000,
    maxGone: 2000,
    nodeName: 'node-1',
  });
  metadata.start();
  const table = makeTable({ metadata });
  const bus = new EventBus();
  let published = 0;
  let unnamed = 0;
  let checks = false;
  bus.subscribe((batch) => {
    published += batch.length;
    if (checks) unnamed += batch.filter(({ metadata }) => metadata?.podName == null).length;
  });
  const binding = new LateBinding({
    metadata,
    holdMs: 500,
    maxHeld: 20_000,
    publish: (batch) => bus.publish(batch),
  });
  const publish = resolves
    ? (batch: AppliedEvent[]) => binding.offer(batch)
    : (batch: AppliedEvent[]) => bus.publish(batch);
  const resolve = resolves ? (event: ProcessEvent) => registry.resolve(event) : () => HOST;
  const learn = (pod: number) => {
    for (let container = 0; container <= CONTAINERS_PER_POD; container++) {
      registry.learn({
        type: 'cgroup',
        source: 'ebpf',
        ktimeNs: 1n,
        hierarchyId: 0,
        cgroupId: (pod % PODS) * (CONTAINERS_PER_POD + 1) + container + 1,
        path: `/kubepods/burstable/pod${uidOf(pod)}/${containerIdOf(pod, container)}`,
        removed: false,
        truncated: false,
        parentId: null,
      });
    }
  };
  for (let pod = 0; pod < PODS; pod++) learn(pod);
  let oldest = 0;
  return {
    table,
    bus,
    /** Makes a change of pods; what it gives lets the agent learn of it. */
    prepareChange(): () => void {
      const [api, cri] = sources.map((source) => source.change(oldest));
      const come = oldest++ + PODS;
      // The cgroups come first, the API knows the pod before the runtime does.
      return () => {
        learn(come);
        api!();
        cri!();
      };
    },
    counts: () => ({ published, unnamed }),
    /** From now on each event is looked at: has it a name? */
    check: () => {
      checks = true;
    },
    run({ memory, offsets, lengths }: RecordBatch): void {
      let batch: AppliedEvent[] = [];
      for (let index = 0; index < offsets.length; index++) {
        const event = decoder.decode(memory, offsets[index]!, lengths[index]!) as ProcessEvent;
        batch.push(table.apply(event, resolve(event)));
        if (batch.length === EVENTS_PER_BATCH) {
          publish(batch);
          batch = [];
        }
      }
      publish(batch);
    },
  };
}

/** Heap and buffers that stay, in MB. */
function retainedMb(): number {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc!();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

export const identity: Measurement = {
  name: 'identity',
  how: `fork, exec and exit records made in memory, spread over ${CGROUPS} containers of ${PODS} pods, decoded, applied and published to one listener in one process; in turns without identity (everything is of the host) and with it: cgroup to container, the names that a Kubernetes API and a CRI say, late binding. CPU time of all threads ÷ records. A change of pods: one of the pods goes and another comes, both sources tell it, and an event of every container follows, less the same events without a change. Memory: heap after garbage collection with everything known of ${PODS} pods by both sources, their cgroups and their composed names, less the heap before.`,
  async run({ quick, say }) {
    const rounds = quick ? 5 : 31;
    const ways = { without: makeWay(false), with: makeWay(true) };
    const samples: Record<keyof typeof ways, number[]> = { without: [], with: [] };
    for (let round = 0; round < 2 * rounds + 5; round++) {
      // The same records for both; each is the first of the two in turn, for the second collects more garbage.
      const lives = makeLives(PROCESSES, 1_000_000, BigInt(round + 1) * 10n ** 12n, true, CGROUPS);
      const order = round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const);
      for (const arm of order) {
        const ns = costNs(lives.offsets.length, () => ways[arm].run(lives));
        if (round >= 5) samples[arm].push(ns);
      }
    }
    const { published } = ways.with.counts();
    if (published !== (2 * rounds + 5) * PROCESSES * 3) throw new Error(`${published} events were published`);
    say(
      `without ${samples.without.at(-1)!.toFixed(0)} ns, with ${samples.with.at(-1)!.toFixed(0)} ns per event`,
    );
    ways.with.check();
    const changeMs: number[] = [];
    const once = makeLives(CGROUPS, 1_000_000, 10n ** 15n, true, CGROUPS);
    for (let round = 0; round < rounds + 5; round++) {
      const change = ways.with.prepareChange();
      const [plain, changed] = [
        costNs(1, () => ways.with.run(once)),
        costNs(1, () => {
          change();
          ways.with.run(once);
        }),
      ];
      if (round >= 5) changeMs.push((changed - plain) / 1e6);
    }
    if (ways.with.counts().unnamed > 0) throw new Error('an event has no name');
    const before = retainedMb();
    const kept = makeWay(true);
    kept.check();
    kept.run(makeLives(CGROUPS, 1_000_000, 10n ** 15n, true, CGROUPS));
    const after = retainedMb();
    if (kept.counts().unnamed > 0) throw new Error('an event has no name');
    // Of the medians: garbage is collected in some rounds and not in others, so differences round by round say nothing.
    const added = median(samples.with) - median(samples.without);
    const agents: number[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) agents.push(await agentNsPerEvent(quick));
    const figures: Figure[] = [
      { name: 'CPU without identity', unit: 'ns/event', samples: samples.without },
      { name: 'CPU with identity', unit: 'ns/event', samples: samples.with },
      {
        name: 'identity adds',
        unit: 'ns/event',
        samples: [added],
        note: 'difference of the medians, with somebody who listens; without, only the cgroup is looked up',
      },
      {
        name: "identity adds, of an agent's CPU per event",
        unit: '%',
        samples: agents.map((ns) => (100 * added) / ns),
        target: { atMost: 10 },
        note: "a run of the real agent without clients in the same run each; encoding for a client costs several times as much and makes identity's share smaller",
      },
      { name: `a change of one of ${PODS} pods`, unit: 'ms', samples: changeMs },
      {
        name: `memory for ${PODS} pods with ${CONTAINERS_PER_POD} containers each`,
        unit: 'MB',
        samples: [after - before],
        target: { atMost: 10 },
        note: `includes a process table with ${CGROUPS} exited processes`,
      },
    ];
    return figures;
  },
};
