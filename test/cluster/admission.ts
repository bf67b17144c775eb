// `make e2e-admission`: the webhook in a real Kubernetes. Pods that ask get the sidecar and run, the sidecar sees its pod
// and nothing else, a webhook that fails harms nobody, and what is removed is gone.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessJson } from '../../src/api/index.ts';
import { installation, NAME, NAMESPACE, type TestPod, testPod } from './admission-objects.ts';
import { Closers } from './closers.ts';
import { openCluster } from './cluster.ts';
import type { Kubectl } from './kubectl.ts';
import { AGENT_IMAGE, importAgentImage } from './sidecar-image.ts';

const SIDECAR = 'cognitod-sidecar';
const WAIT_MS = 90_000;

interface PodJson {
  metadata: { name: string; uid: string; annotations?: Record<string, string> };
  spec: {
    containers: { name: string; volumeMounts?: { mountPath: string }[] }[];
    shareProcessNamespace?: boolean;
  };
  status: {
    phase: string;
    podIP?: string;
    containerStatuses?: { name: string; ready: boolean; restartCount: number }[];
  };
}

const closers = new Closers('e2e-admission');
let failures = 0;

function check(what: string, holds: boolean, seen: unknown = ''): void {
  console.log(`  ${holds ? 'ok   ' : 'WRONG'} ${what}${holds ? '' : `: ${JSON.stringify(seen)}`}`);
  if (!holds) failures++;
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs = WAIT_MS): Promise<void> {
  for (const end = Date.now() + timeoutMs; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`not in ${timeoutMs} ms: ${what}`);
  }
}

class Suite {
  readonly kubectl: Kubectl;
  readonly image: string;
  readonly space: string;

  constructor(kubectl: Kubectl, image: string, space: string) {
    this.kubectl = kubectl;
    this.image = image;
    this.space = space;
  }

  apply(objects: readonly object[], ...args: string[]): Promise<string> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    return this.kubectl(['apply', '-f', '-', ...args], { input });
  }

  /** With its annotation from the start, so that the first pod is asked about it too. */
  async makeNamespace(name: string, annotations: Record<string, string> = {}): Promise<void> {
    closers.push(() => this.kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']));
    await this.apply([
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        // The API server sets this label itself from 1.21 on.
        metadata: { name, annotations, labels: { 'kubernetes.io/metadata.name': name } },
      },
    ]);
    await until(`the service account of ${name}`, async () => {
      await this.kubectl(['get', 'serviceaccount', 'default', '-n', name]);
      return true;
    });
  }

  /** Resolves with how long the API server took for it. */
  async create(pod: TestPod, space = this.space): Promise<number> {
    const input = JSON.stringify(testPod(space, this.image, pod));
    const began = performance.now();
    await this.kubectl(['create', '-f', '-'], { input });
    return performance.now() - began;
  }

  async pod(name: string, space = this.space): Promise<PodJson> {
    return JSON.parse(await this.kubectl(['get', 'pod', name, '-n', space, '-o', 'json'])) as PodJson;
  }

  /** The pod, running and with every container ready. */
  async running(name: string, space = this.space): Promise<PodJson> {
    let pod: PodJson | undefined;
    await until(`pod ${name} runs`, async () => {
      pod = await this.pod(name, space);
      const statuses = pod.status.containerStatuses ?? [];
      return statuses.length === pod.spec.containers.length && statuses.every(({ ready }) => ready);
    });
    return pod!;
  }

  /** A script, by the Node of the sidecar of a pod. */
  evaluate(name: string, script: string): Promise<string> {
    const program = ['/opt/cognitod/bin/node', '-e', script];
    return this.kubectl(['exec', '-n', this.space, name, '-c', SIDECAR, '--', ...program]);
  }

  /** A command of the agent there. */
  inSidecar(name: string, ...args: string[]): Promise<string> {
    const program = [
      '/opt/cognitod/bin/node',
      '--disable-warning=ExperimentalWarning',
      '/opt/cognitod/src/main.ts',
    ];
    return this.kubectl(['exec', '-n', this.space, name, '-c', SIDECAR, '--', ...program, ...args]);
  }
}

const namesOf = ({ spec }: PodJson) => spec.containers.map(({ name }) => name);
const hasSidecar = (pod: PodJson) => namesOf(pod).includes(SIDECAR);

async function injection(suite: Suite): Promise<void> {
  console.log('\npods that ask');
  const { space } = suite;
  await suite.create({ name: 'asks', inject: 'true' });
  await suite.create({ name: 'silent' });
  const [asks, silent] = [await suite.running('asks'), await suite.running('silent')];
  check(
    'it has the sidecar after its own container',
    namesOf(asks).join() === `app,${SIDECAR}`,
    namesOf(asks),
  );
  check('its process namespace is shared', asks.spec.shareProcessNamespace === true);
  check('a pod that does not ask is as it was', !hasSidecar(silent) && !silent.spec.shareProcessNamespace);
  const restarts = asks.status.containerStatuses!.map(({ restartCount }) => restartCount);
  check(
    'no container was started again',
    restarts.every((count) => count === 0),
    restarts,
  );

  let listed: ProcessJson[] = [];
  await until('the sidecar lists processes', async () => {
    const text = await suite.inSidecar('asks', 'ps', '--json');
    listed = (JSON.parse(text) as { processes: ProcessJson[] }).processes;
    return listed.some(({ argv }) => JSON.stringify(argv).includes('mark-asks'));
  });
  const text = JSON.stringify(listed);
  check('the sidecar sees the process of its pod', text.includes('mark-asks'));
  check('and none of the pod beside it', !text.includes('mark-silent'));
  const uids = new Set(listed.map(({ pod_uid: uid }) => uid).filter((uid) => uid !== null));
  console.log(`  (${listed.length} processes; pods that the sidecar names: ${[...uids].join() || 'none'})`);
  const app = listed.find(({ argv }) => JSON.stringify(argv).includes('mark-asks'));
  check(
    'it sees the executable of the other container',
    String(app?.executable).includes('busybox'),
    app?.executable,
  );
  const { collector, privileges } = JSON.parse(await suite.evaluate('asks', ASK_STATUS)) as {
    collector: { kind: string; hooks: string[] };
    privileges: Record<string, string>;
  };
  console.log(`  (it says of itself: ${JSON.stringify(collector)})`);
  const saysSo = collector.hooks.some((text) => /^only the processes of .* are visible/.test(text));
  check('the sidecar says that it sees no more than that', collector.kind === 'procfs' && saysSo, collector);
  const told = [app?.namespace, app?.pod_name, app?.pod_uid];
  check('it tells its pod by name', told.join() === [space, 'asks', asks.metadata.uid].join(), told);
  const { CapEff, CapBnd, NoNewPrivs, Seccomp } = privileges;
  // CAP_SYS_PTRACE is bit 19.
  check('it holds SYS_PTRACE alone', CapEff === '0000000000080000' && CapBnd === CapEff, privileges);
  check('it can gain nothing, and seccomp filters it', NoNewPrivs === '1' && Seccomp === '2', privileges);
  await tokens(suite);
  await metrics(suite, asks);

  await suite.create({ name: 'opts-out', inject: 'false' });
  check('"false" opts out', !hasSidecar(await suite.pod('opts-out')));
  await suite.create({ name: 'host-pid', inject: 'true', spec: { hostPID: true } });
  check('a pod with hostPID runs without', !hasSidecar(await suite.running('host-pid')));
  const spec = { restartPolicy: 'Never' };
  await suite.create({ name: 'completes', inject: 'true', spec, command: ['/bin/true'] });
  await until(
    'a pod that has to complete completes',
    async () => (await suite.pod('completes')).status.phase === 'Succeeded',
  );
  check('a pod that has to complete gets none on a cluster without native sidecars', true);
  const dry = testPod(space, suite.image, { name: 'dry', inject: 'true' });
  const output = await suite.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
    input: JSON.stringify(dry),
  });
  check('a dry run shows the sidecar', hasSidecar(JSON.parse(output)));
  const stored = await suite.pod('dry').then(
    () => true,
    () => false,
  );
  check('and makes no pod', !stored);
  const created = await suite.kubectl(['create', '-f', '-'], {
    input: JSON.stringify(testPod(NAMESPACE, suite.image, { name: 'own-namespace', inject: 'true' })),
  });
  check(
    'the namespace of the webhook is left alone',
    !hasSidecar(await suite.pod('own-namespace', NAMESPACE)),
    created,
  );
}

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The API server mounts a token into every container, also into those that a webhook has added. */
async function tokens(suite: Suite): Promise<void> {
  const ofApp = await suite.kubectl(['exec', '-n', suite.space, 'asks', '-c', 'app', '--', 'cat', TOKEN]);
  check('the application has its token as before', ofApp.split('.').length === 3);
  const script = `try { console.log(require('node:fs').readFileSync('${TOKEN}').length) } catch ({ code }) { console.log(code) }`;
  const ofSidecar = (await suite.evaluate('asks', script)).trim();
  check('the sidecar has none', ofSidecar === 'ENOENT', ofSidecar);
}

async function metrics(suite: Suite, asks: PodJson): Promise<void> {
  const scrape = async ({ status: { podIP } }: PodJson, port: number, path: string): Promise<string> => {
    const address = `http://${podIP}:${port}${path}`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(5000) }).catch(() => null);
    return answer === null ? 'refused' : await answer.text();
  };
  const refused = await scrape(asks, 19_464, '/metrics');
  check('its metrics are for the pod alone', refused === 'refused', refused.slice(0, 100));
  await suite.create({ name: 'scraped', inject: 'true', metrics: true });
  const scraped = await suite.running('scraped');
  let text = '';
  await until('metrics of a pod that allows it', async () => {
    text = await scrape(scraped, 19_464, '/metrics');
    return text.includes('cognitod_');
  });
  check('with the annotation others read them', /^cognitod_build_info/m.test(text), text.slice(0, 100));
  const api = await scrape(scraped, 19_463, '/api/v1/status');
  check('and still not the API', api === 'refused', api.slice(0, 100));
}

/** Run by the Node of the sidecar: what the agent tells, and what the kernel tells of it. */
const ASK_STATUS = `
const { readdirSync, readFileSync } = require('node:fs');
const read = (pid, name) => { try { return readFileSync('/proc/' + pid + '/' + name, 'utf8'); } catch { return ''; } };
const agent = readdirSync('/proc').find((pid) => read(pid, 'cmdline').endsWith('/main.ts\\0agent\\0'));
const privileges = Object.fromEntries(read(agent, 'status').trim().split('\\n').map((line) => line.split(':\\t')));
fetch('http://127.0.0.1:19463/api/v1/status').then((answer) => answer.json()).then(({ collector }) =>
  console.log(JSON.stringify({ collector, privileges })));
`;

async function namespaces(suite: Suite): Promise<void> {
  console.log('\na namespace that asks');
  const name = `${suite.space}-asks`;
  await suite.makeNamespace(name, { 'sidecar.linnix.io/inject': 'true' });
  await suite.create({ name: 'first' }, name);
  check('its first pod has the sidecar', hasSidecar(await suite.running('first', name)));
  await suite.create({ name: 'opts-out', inject: 'false' }, name);
  check('a pod there opts out', !hasSidecar(await suite.pod('opts-out', name)));
  await suite.kubectl(['annotate', 'namespace', name, 'sidecar.linnix.io/inject-']);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await suite.create({ name: 'later' }, name);
  check('without its annotation the next pod is as it was', !hasSidecar(await suite.pod('later', name)));
}

async function access(suite: Suite): Promise<void> {
  console.log('\nwhat the service account may do');
  const as = `--as=system:serviceaccount:${NAMESPACE}:${NAME}`;
  const can = async (...args: string[]) =>
    (await suite.kubectl(['auth', 'can-i', ...args, as]).catch((error: Error) => error.message)).trim();
  const yes = async (what: string, wanted: boolean, ...args: string[]) => {
    const answer = await can(...args);
    check(what, wanted === (answer === 'yes'), answer);
  };
  await yes('patch its own webhook configuration', true, 'patch', `mutatingwebhookconfigurations/${NAME}`);
  await yes('not another one', false, 'patch', 'mutatingwebhookconfigurations/other');
  await yes('read its own Secret', true, 'get', `secrets/${NAME}-tls`, '-n', NAMESPACE);
  await yes('not another one', false, 'get', 'secrets/other', '-n', NAMESPACE);
  await yes('not those of applications', false, 'get', 'secrets', '-n', suite.space);
  await yes('no pods at all', false, 'list', 'pods', '-n', suite.space);
}

async function certificates(suite: Suite): Promise<void> {
  console.log('\na certificate that is lost');
  const secret = `${NAME}-tls`;
  const read = () =>
    suite.kubectl(['get', 'secret', secret, '-n', NAMESPACE, '-o', 'jsonpath={.data.tls\\.crt}']);
  const bundle = () =>
    suite.kubectl([
      'get',
      'mutatingwebhookconfiguration',
      NAME,
      '-o',
      'jsonpath={.webhooks[0].clientConfig.caBundle}',
    ]);
  const [before, bundleBefore] = [await read(), await bundle()];
  await suite.kubectl(['patch', 'secret', secret, '-n', NAMESPACE, '-p', '{"data":{"tls.crt":null}}']);
  await until('a new certificate', async () => !['', before].includes(await read()));
  await until('its authority', async () => (await bundle()) !== bundleBefore);
  check('a new one was made and its authority published', true);
  // Both replicas have looked by then.
  await new Promise((resolve) => setTimeout(resolve, 45_000));
  let injected = 0;
  for (let i = 0; i < 10; i++) {
    await suite.create({ name: `renewed-${i}`, inject: 'true' });
    if (hasSidecar(await suite.pod(`renewed-${i}`))) injected++;
  }
  check('pods get the sidecar as before', injected === 10, injected);
  await suite.kubectl(['delete', 'pods', '-n', suite.space, '--wait=false', ...names('renewed', 10)]);
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

async function failing(suite: Suite): Promise<void> {
  console.log('\na webhook that fails');
  const pids = webhookPids();
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    const tookMs = await suite.create({ name: 'hangs', inject: 'true' });
    const pod = await suite.running('hangs');
    check(
      `it hangs: the pod runs without (created in ${Math.round(tookMs)} ms)`,
      !hasSidecar(pod) && tookMs < 8000,
    );
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  check('both replicas hung', pids.length === 2, pids);
  await suite.kubectl(['scale', 'deployment', NAME, '-n', NAMESPACE, '--replicas=0']);
  await until('the webhook is gone', async () => webhookPids().length === 0);
  const tookMs = await suite.create({ name: 'dead', inject: 'true' });
  const pod = await suite.running('dead');
  check(
    `it is dead: the pod runs without (created in ${Math.round(tookMs)} ms)`,
    !hasSidecar(pod) && tookMs < 8000,
  );
  const asks = await suite.running('asks');
  check('pods that have the sidecar go on', asks.status.phase === 'Running');
}

/** Of this machine's processes: those of the webhook, which ends with its name and runs nowhere else. */
function webhookPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(
          `admission\0--json\0--ops-listen=0.0.0.0:9464\0`,
        );
      } catch {
        return false;
      }
    });
}

async function uninstall(suite: Suite, objects: readonly object[]): Promise<void> {
  console.log('\nafter removing it');
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await suite.kubectl(['delete', '-f', '-', '--ignore-not-found'], { input, timeoutMs: 120_000 });
  const kinds = 'mutatingwebhookconfigurations,clusterroles,clusterrolebindings,namespaces';
  const left = await suite.kubectl(['get', kinds, '-l', `app=${NAME}`, '-o', 'name']);
  check('nothing is left', left.trim() === '', left);
  await suite.create({ name: 'afterwards', inject: 'true' });
  check('pods start as ever', !hasSidecar(await suite.running('afterwards')));
}

async function run(): Promise<void> {
  const cluster = await openCluster(process.env, async (stop) => void closers.push(stop));
  const image = process.env.SIDECAR_IMAGE ?? AGENT_IMAGE;
  if (cluster.criSocket === null) throw new Error('CRI_SOCKET must say where the image goes');
  importAgentImage(cluster.criSocket);
  const suite = new Suite(cluster.kubectl, cluster.image, `suite-${randomBytes(4).toString('hex')}`);
  const objects = installation(image);
  closers.push(() =>
    suite.kubectl(['delete', '-f', '-', '--ignore-not-found', '--wait=false'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    }),
  );
  await suite.apply(objects);
  await suite.kubectl(['rollout', 'status', 'deployment', NAME, '-n', NAMESPACE, '--timeout=90s'], {
    timeoutMs: 100_000,
  });
  await suite.makeNamespace(suite.space);
  await injection(suite);
  await namespaces(suite);
  await access(suite);
  await certificates(suite);
  await failing(suite);
  await uninstall(suite, objects);
}

try {
  await run();
  console.log(failures === 0 ? '\neverything is as it should be' : `\n${failures} checks failed`);
  process.exitCode = failures === 0 ? 0 : 1;
} catch (error) {
  console.error('e2e-admission:', error);
  process.exitCode = 1;
} finally {
  await closers.closeAll();
}
