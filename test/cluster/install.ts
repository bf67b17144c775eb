// `make e2e-install`: the chart in a real Kubernetes: each mode runs, each user may do what is said and no more, nothing stays.
import { chownSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NAMESPACE } from '../../scripts/helm.ts';
import type { EvidenceJson } from '../../src/api/index.ts';
import { runCognitod } from '../support/agent.ts';
import { compareBurst } from './burst-pod.ts';
import { Closers } from './closers.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { Leftovers } from './leftovers.ts';
import { Release } from './release.ts';
import { AGENT_RIGHTS, EVENT_RIGHTS, WEBHOOK_RIGHTS, wrongRights } from './rights.ts';
import { importImage } from './stand-in.ts';

const closers = new Closers('e2e-install');
let failures = 0;

/** Prints a line for it; false, or an exception, is a failure. Steps after it go on. */
async function check(title: string, what: () => Promise<string | boolean | string[]>): Promise<void> {
  const result = await what().catch((error: Error) => [error.message]);
  const wrong = result === false ? [''] : Array.isArray(result) ? result : [];
  console.log(
    `${wrong.length === 0 ? 'ok    ' : 'WRONG '} ${title}${typeof result === 'string' ? `: ${result}` : ''}`,
  );
  for (const text of wrong.filter((one) => one !== '')) console.log(`       ${text}`);
  if (wrong.length > 0) failures++;
}

interface AgentMode {
  readonly name: string;
  readonly set: readonly string[];
  /** What the bounding set still holds after the start. */
  readonly bounding: readonly string[];
  /** Who names pods and containers; the Kubernetes API when not given. */
  readonly names?: readonly Source[];
  /** A check of the doctor that must be ok, beside that none may fail. */
  readonly doctorOk?: string;
  /** Its evidence tells the roles, bindings and network policies around it. */
  readonly readsPolicies?: boolean;
  /** What must still be on the node when all is removed, as docs/install.md says. */
  readonly stays?: string;
}

type Source = 'kube-api' | 'cri';

const B = ['CAP_BPF', 'CAP_PERFMON'];
const AGENT_MODES: readonly AgentMode[] = [
  { name: 'A, privileged', set: ['mode=privileged', 'a.privileged=true'], bounding: [] },
  {
    name: 'B, not root',
    set: ['mode=unprivileged', 'evidence.storage=emptyDir', 'evidence.clusterPolicies=true'],
    bounding: B,
    readsPolicies: true,
  },
  {
    name: 'B, not root, in a pid namespace of its own',
    set: ['mode=unprivileged', 'hostPID=false'],
    bounding: B,
  },
  { name: 'B, root', set: ['mode=unprivileged', 'b.nonRoot=false'], bounding: B },
  {
    name: 'B, not root, emptied bounding set',
    set: ['b.emptyBoundingSet=true'],
    bounding: [],
  },
];

/** With the socket of the node's runtime, and with records on the node's disk, where both are known to us. */
function withNode({ state, criSocket }: Cluster): AgentMode[] {
  if (state === null) {
    console.log('skipped: the runtime, and evidence on the node: their folders on the node are not ours');
    return [];
  }
  const runtime = ['cri.enabled=true', `cri.socket=${criSocket}`];
  const evidence = join(state, 'evidence');
  mkdirSync(evidence, { mode: 0o700 });
  chownSync(evidence, USER, USER);
  return [
    {
      name: 'A, runtime and Kubernetes API',
      set: ['mode=privileged', ...runtime],
      bounding: [],
      names: ['kube-api', 'cri'],
      doctorOk: 'runtime',
    },
    {
      name: 'B, root, names from the runtime alone, no service account token',
      set: ['mode=unprivileged', 'b.nonRoot=false', 'kubernetes.enabled=false', ...runtime],
      bounding: B,
      names: ['cri'],
      doctorOk: 'runtime',
    },
    {
      name: 'B, not root, evidence on the node',
      set: ['evidence.storage=hostPath', `evidence.hostPath=${evidence}`],
      bounding: B,
      stays: evidence,
    },
  ];
}

/** Of the image. */
const USER = 65_532;

/** With the project's seccomp profile, where the kubelet's folder is ours to put it in. */
function ownProfile({ state }: Cluster): AgentMode[] {
  if (state === null) {
    console.log('skipped: the own seccomp profile: the folder of the kubelet is not ours');
    return [];
  }
  const folder = join(state, 'kubelet/seccomp/cognitod');
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(import.meta.dirname, '../../deploy/profiles/seccomp.json'), join(folder, 'agent.json'));
  return [{ name: 'B, not root, own seccomp profile', set: ['seccomp.type=Localhost'], bounding: B }];
}

/** What the agent says of itself: all of the node, nothing held, the names of its node. */
async function compareStatus(
  cluster: Cluster,
  release: Release,
  { bounding, names = ['kube-api'] }: Pick<AgentMode, 'bounding' | 'names'>,
): Promise<string[]> {
  const status = await release.status();
  const { privileges, metadata, collector, ready } = status;
  const sources = metadata.sources.map(({ name, state }) => `${name} ${state}`);
  const facts: [string, unknown, unknown][] = [
    ['ready', ready, true],
    ['collector', collector.kind, 'ebpf'],
    ['node', status.node, cluster.node],
    [
      'capabilities',
      [...privileges.cap_effective, ...privileges.cap_permitted, ...privileges.cap_ambient].join(),
      '',
    ],
    ['bounding set', [...privileges.cap_bounding].sort().join(), bounding.join()],
    ['no_new_privs', privileges.no_new_privs, true],
    [
      'names',
      sources.sort().join(),
      names
        .map((name) => `${name} ok`)
        .sort()
        .join(),
    ],
  ];
  return facts.flatMap(([name, is, wanted]) => (is === wanted ? [] : [`${name}: ${is}, not ${wanted}`]));
}

/** In the pod, with its account: nothing may fail, and what only may warn is said. `wanted` must be ok. */
async function examine(release: Release, wanted?: string): Promise<string | string[]> {
  const { checks } = await release.doctor();
  const missed = checks.find(({ id, result }) => id === wanted && result !== 'ok');
  if (missed !== undefined) return [`${missed.id} is ${missed.result}: ${missed.reason}`];
  const bad = checks.filter(({ result }) => result === 'fail');
  if (bad.length > 0) return bad.map(({ id, reason }) => `${id}: ${reason}`);
  const warned = checks.filter(({ result }) => result === 'warn').map(({ id }) => id);
  return `${checks.filter(({ result }) => result === 'ok').length} ok, warnings: ${warned.join(', ') || 'none'}`;
}

/** Its own cluster role and binding, and what the chart puts into its namespace. */
async function comparePolicies(release: Release): Promise<string | string[]> {
  const program = ['exec', 'daemonset/cognitod', '--', '/opt/cognitod/bin/cognitod', 'evidence', '--json'];
  const { state, reasons, rights, objects } = (JSON.parse(await release.kubectl(program)) as EvidenceJson)
    .current.cluster;
  const kinds = new Set(objects.map(({ kind }) => kind));
  const missing = ['ClusterRole', 'ClusterRoleBinding', 'NetworkPolicy', 'Role', 'RoleBinding'].filter(
    (kind) => !kinds.has(kind),
  );
  if (state !== 'read' || missing.length > 0) return [`${state}: ${reasons.join('; ')}; missing ${missing}`];
  if (!rights.includes('list,watch pods')) return [`its rights are told as ${rights.join('; ')}`];
  return `${rights.length} rights, ${objects.length} objects`;
}

/** By the command that needs no agent. */
async function verifyRecords(folder: string): Promise<string | string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const [file] = files.filter((name) => name.endsWith('evidence.jsonl'));
  if (file === undefined) return [`no records in ${folder}: ${files.join()}`];
  const { code, stdout, stderr } = await runCognitod(['evidence', 'verify', join(folder, file)]);
  return code === 0 ? `${files.join()}: ${stdout.trim().split('\n')[0]}` : [stdout + stderr];
}

async function removeAll(release: Release, leftovers: Leftovers): Promise<string | string[]> {
  await leftovers.remember();
  await release.remove();
  return leftovers.find();
}

async function run(cluster: Cluster): Promise<void> {
  const release = new Release(cluster);
  const leftovers = new Leftovers(cluster, release);
  const { kubectl } = cluster;
  if (cluster.criSocket === null) throw new Error('the image is brought to the node by CRI_SOCKET');
  console.log(`image: ${await importImage(cluster.criSocket, process.env)}`);
  const unprepareNode = await release.prepareNode();
  closers.push(async () => {
    await release.remove().catch(() => undefined);
    await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found'], { timeoutMs: 90_000 });
    await unprepareNode();
  });

  console.log('\nA, named capabilities');
  await check('installs, and becomes ready', () => release.put(['mode=privileged']).then(() => true));
  await leftovers.remember();
  await check('sees the node, holds nothing', () => compareStatus(cluster, release, { bounding: [] }));
  await check('every process of another pod is told with its pod', () => compareBurst(cluster, release));
  await check('the doctor in the pod finds nothing wrong', () => examine(release));
  await check(`${AGENT_RIGHTS.length} rights are as said`, () => wrongRights(kubectl, AGENT_RIGHTS));
  await check('the platform team changes the configuration, a developer cannot', () => changeConfig(release));
  await check('an upgrade rolls, keeps the token and lets events be written', () => upgrade(release));
  await check('with events 2 more rights are as said', () => wrongRights(kubectl, EVENT_RIGHTS));
  await check('a rollback comes back', async () => {
    await release.rollBack(1);
    const text = await release.kubectl(['get', 'configmap', 'cognitod', '--output=yaml']);
    return text.includes('127.0.0.1:3000') && !text.includes('16MiB');
  });
  await check('a wrong value never reaches the cluster', async () =>
    release.put(['mode=privileged', 'a.privilegd=true']).then(
      () => false,
      (error: Error) => /privilegd/.test(error.message),
    ),
  );
  await check('uninstalling leaves nothing', () => removeAll(release, leftovers));

  for (const mode of [...AGENT_MODES, ...withNode(cluster), ...ownProfile(cluster)]) {
    const { name, set, doctorOk, readsPolicies, stays } = mode;
    console.log(`\n${name}`);
    await check('installs, and becomes ready', () => release.put(set).then(() => true));
    await check('sees the node, holds nothing', () => compareStatus(cluster, release, mode));
    await check('every process of another pod is told with its pod', () => compareBurst(cluster, release));
    await check('the doctor in the pod finds nothing wrong', () => examine(release, doctorOk));
    if (readsPolicies) await check('the evidence has the policies around it', () => comparePolicies(release));
    await check('uninstalling leaves nothing', () => removeAll(release, leftovers));
    if (stays !== undefined)
      await check('the records of the node stay, and are whole', () => verifyRecords(stays));
  }

  console.log('\nC, sidecar');
  // The webhook is no part of the observability tier.
  await kubectl(['taint', 'node', cluster.node, 'observability-']);
  const hasWebhook = existsSync(join(import.meta.dirname, '../../src/admission'));
  await check('installs', () => release.put(['mode=sidecar'], { wait: hasWebhook }).then(() => true));
  await leftovers.remember();
  await check(`${WEBHOOK_RIGHTS.length} rights are as said`, () => wrongRights(kubectl, WEBHOOK_RIGHTS));
  if (hasWebhook) {
    await check('a pod that asks gets a sidecar, another does not', async () => {
      const [asking, other] = [await dryRun(cluster, true), await dryRun(cluster, false)];
      return asking.includes('cognitod-sidecar') && !other.includes('cognitod-sidecar');
    });
    await release.kubectl(['scale', 'deployment/cognitod-admission', '--replicas=0']);
    await release.kubectl(['wait', 'pod', '--all', '--for=delete', '--timeout=50s']).catch(() => '');
  }
  await check(
    'without a webhook that answers pods start as they are',
    async () => !(await dryRun(cluster, true)).includes('cognitod-sidecar'),
  );
  await check('uninstalling leaves nothing', () => removeAll(release, leftovers));
}

/**
 * What the API server would make of a pod. An API server of 1.20 that is built with a Go newer than 1.17 was seen to die when it
 * is asked (modern-go/reflect2 before 1.0.2, encoding maps as JSON); the check then fails, and it says nothing about the webhook.
 */
function dryRun({ kubectl, image }: Cluster, asks: boolean): Promise<string> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', ...(asks ? { annotations: { 'sidecar.linnix.io/inject': 'true' } } : {}) },
    spec: { containers: [{ name: 'app', image }] },
  };
  const path = '/api/v1/namespaces/default/pods?dryRun=All';
  return kubectl(['create', '--raw', path, '--filename=-'], { input: JSON.stringify(pod) });
}

async function changeConfig(release: Release): Promise<string[]> {
  const patch = [
    'patch',
    'configmap',
    'cognitod',
    '--type=merge',
    '--patch={"metadata":{"annotations":{"changed":"yes"}}}',
  ];
  const groups = (name: string) => [`--as-group=${name}`, '--as-group=system:authenticated'];
  const wrong: string[] = [];
  await release
    .kubectl([...patch, '--as=alice', ...groups('platform-team')])
    .catch((error: Error) => wrong.push(error.message));
  await release.kubectl([...patch, '--as=bob', ...groups('developers')]).then(
    () => wrong.push('the developer could'),
    (error: Error) => /forbidden/i.test(error.message) || wrong.push(error.message),
  );
  return wrong;
}

async function upgrade(release: Release): Promise<string[]> {
  const set = [
    'mode=privileged',
    'api.expose=true',
    'events.enabled=true',
    'config.kernel.ring_bytes=16MiB',
    'image.tag=next',
  ];
  const token = () => release.kubectl(['get', 'secret', 'cognitod-token', '--output=jsonpath={.data.token}']);
  const pod = () => release.kubectl(['get', 'pods', '--output=jsonpath={.items[*].metadata.uid}']);
  const before = await pod();
  await release.put(set);
  const [first, after] = [await token(), await pod()];
  await release.put([...set, 'podAnnotations.again=yes']);
  const wrong: string[] = [];
  if (before === after) wrong.push('the pod is the same');
  if (first === '' || (await token()) !== first) wrong.push('the token changed');
  return wrong;
}

try {
  const cluster = await openCluster(process.env, (stop) => closers.push(stop));
  await run(cluster);
  console.log(failures === 0 ? '\nthe chart holds what it says' : `\n${failures} checks failed`);
  process.exitCode = failures === 0 ? 0 : 1;
} catch (error) {
  if (!closers.begun) console.error('e2e-install:', error);
  process.exitCode = 1;
} finally {
  await closers.closeAll();
}
