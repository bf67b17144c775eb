// What the tests of this folder open and close: a server, a source and what it told.
import type { TestContext } from 'node:test';
import { expectedContainers, expectedPod, type FakePod, ownerOf } from './kube-objects.fixture.ts';
import { FakeKube } from './fake-kube.fixture.ts';
import { KubeSource, type KubeSourceOptions } from './kube-source.ts';
import { MirrorSink, stateOf } from './mirror-sink.fixture.ts';
import type { KubeTimes } from './times.ts';
import type { Workload } from '../metadata/index.ts';

export const FAST: KubeTimes = { firstBackoffMs: 2, maxBackoffMs: 20, stableMs: 50 };

export async function openFake(
  t: TestContext,
  ...tls: ConstructorParameters<typeof FakeKube>
): Promise<FakeKube> {
  const fake = await new FakeKube(...tls).listen();
  t.after(() => fake.stop());
  return fake;
}

export function openSource(t: TestContext, fake: FakeKube, options: Partial<KubeSourceOptions> = {}) {
  const sink = new MirrorSink();
  const warnings: string[] = [];
  const source = new KubeSource({
    target: fake.target(),
    nodeName: 'node-1',
    labels: ['*'],
    warn: (text) => warnings.push(text),
    ...options,
    times: { ...FAST, ...options.times },
  });
  t.after(() => source.close());
  source.start(sink);
  return { source, sink, warnings };
}

/** The workload of a pod by the objects of the fake cluster. */
export function expectedWorkload(fake: FakeKube, pod: FakePod): Workload {
  const { name, namespace } = pod;
  const owner = ownerOf(pod);
  if (owner === null) return { kind: 'Pod', name };
  const resources: Record<string, string> = { ReplicaSet: 'apps/v1 replicasets', Job: 'batch/v1 jobs' };
  const [group, resource] = (resources[owner.kind] ?? '').split(' ');
  const controller = fake.cluster.owners.get(
    `/apis/${group}/namespaces/${namespace}/${resource}/${owner.name}`,
  )?.controller;
  return controller === undefined
    ? { kind: owner.kind, name: owner.name }
    : { kind: controller.kind, name: controller.name };
}

/** What a sink should hold of the fake cluster. */
export function expectedState(fake: FakeKube, node = 'node-1') {
  const pods = [...fake.cluster.pods.values()].map(({ pod }) => pod).filter((pod) => pod.node === node);
  return stateOf(
    pods.map((pod) => expectedPod(pod, expectedWorkload(fake, pod))),
    pods.flatMap(expectedContainers),
  );
}

export const inSync = (fake: FakeKube, sink: MirrorSink) =>
  JSON.stringify(sink.state()) === JSON.stringify(expectedState(fake));

export async function until(holds: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !holds(); ) {
    if (performance.now() > end) throw new Error(`in ${timeoutMs} ms not: ${what}`);
    await sleep(5);
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
