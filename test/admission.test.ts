// `cognitod admission` as a process: certificate, webhook configuration, reviews, probes, metrics, end.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { issueCertificate } from '../src/admission/certificates/issue.ts';
import { ObjectStore } from '../src/admission/object-store.fixture.ts';
import { aPod, aReview } from '../src/admission/pods.fixture.ts';
import { readAnswer } from '../src/admission/reviewer.fixture.ts';
import { FakeKube } from '../src/identity/kube/fake-kube.fixture.ts';
import { COGNITOD, runCognitod } from './support/agent.ts';

const WEBHOOK = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/cognitod-admission';
const SECRET = '/api/v1/namespaces/observe/secrets/cognitod-admission-tls';
const HOST = 'cognitod-admission.observe.svc';

function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-admission-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function openCluster(t: TestContext) {
  const fake = await new FakeKube().listen();
  const store = new ObjectStore();
  fake.others = store.handle;
  t.after(() => fake.stop());
  store.put(SECRET, { metadata: { name: 'cognitod-admission-tls' } });
  store.put(WEBHOOK, {
    metadata: { name: 'cognitod-admission' },
    webhooks: [{ name: 'inject.sidecar.linnix.io', clientConfig: {} }],
  });
  const kubeconfig = join(tempFolder(t), 'kubeconfig');
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'c' } }],
    clusters: [{ name: 'c', cluster: { server: fake.url } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return { fake, store, kubeconfig };
}

/** As the chart starts it. */
async function startAdmission(t: TestContext, kubeconfig: string, args: string[]) {
  const listeners = ['--listen=127.0.0.1:0', '--ops-listen=127.0.0.1:0', '--namespace=observe'];
  const { COGNITOD_CONFIG: _config, ...env } = process.env;
  const child = spawn(COGNITOD, ['admission', '--json', ...listeners, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, COGNITOD_KUBERNETES_API: kubeconfig },
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const started = await new Promise<{ webhook_address: string; ops_address: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => resolve(JSON.parse(line)));
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${output}`)));
  });
  return {
    maps: () => readFileSync(`/proc/${child.pid}/maps`, 'latin1'),
    ops: started.ops_address,
    port: Number(new URL(started.webhook_address).port),
    output: () => output,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function ask(port: number, ca: string, review: object): Promise<object> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = {
      host: '127.0.0.1',
      port,
      ca,
      servername: HOST,
      method: 'POST',
      path: '/mutate',
      headers,
    };
    const outgoing = request({ ...options, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    outgoing.on('error', reject).end(JSON.stringify(review));
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 15_000; !(await holds()); ) {
    if (performance.now() > end) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const authorityIn = (store: ObjectStore) =>
  Buffer.from(store.objects.get(WEBHOOK)!.webhooks![0]!.clientConfig.caBundle!, 'base64').toString();

const isReady = async (ops: string) => (await fetch(`${ops}/readyz`)).status === 200;

test('it makes its certificate, is trusted through the webhook configuration, injects and ends in order', async (t) => {
  const { store, kubeconfig } = await openCluster(t);
  store.namespace('shop', { 'sidecar.linnix.io/inject': 'true' });
  const admission = await startAdmission(t, kubeconfig, ['--image=registry.example/sidecar:1']);
  await until(() => isReady(admission.ops));
  const ca = authorityIn(store);
  const { patch } = readAnswer(await ask(admission.port, ca, aReview(aPod({}, { annotations: {} }))));
  const sidecar = patch.find(({ path }) => path === '/spec/initContainers/0')?.value as { image: string };
  assert.equal(sidecar.image, 'registry.example/sidecar:1');
  const own = await ask(admission.port, ca, aReview(aPod(), { namespace: 'observe' }));
  assert.deepEqual(readAnswer(own), { patch: [], warnings: [] });
  assert.equal((await fetch(`${admission.ops}/healthz`)).status, 200);
  const metrics = await (await fetch(`${admission.ops}/metrics`)).text();
  const accept = 'application/openmetrics-text; version=1.0.0';
  const asked = await fetch(`${admission.ops}/metrics`, { headers: { accept } });
  assert.match(asked.headers.get('content-type')!, /^application\/openmetrics-text; version=1\.0\.0/);
  const openMetrics = await asked.text();
  assert.match(openMetrics, /^# TYPE cognitod_admission_reviews counter$/m);
  assert.match(openMetrics, /\n# EOF\n$/);
  // Whoever takes it over finds no way to call functions of C.
  assert.doesNotMatch(admission.maps(), /koffi/);
  assert.match(metrics, /cognitod_admission_reviews_total\{result="injected",dry_run="false"\} 1\n/);
  assert.match(metrics, /cognitod_admission_native_sidecars 1\n/);
  const [, expiry] = /certificate_expiry_timestamp_seconds (\d+)/.exec(metrics)!;
  assert.ok(Number(expiry) * 1000 > Date.now() + 80 * 86_400_000);
  assert.equal(await admission.stop(), 0);
  assert.ok(!admission.output().includes('PRIVATE'));
});

test('a cluster before 1.29 gets plain containers', async (t) => {
  const { store, kubeconfig } = await openCluster(t);
  store.version = { major: '1', minor: '28+' };
  const admission = await startAdmission(t, kubeconfig, []);
  await until(() => isReady(admission.ops));
  const ca = authorityIn(store);
  const { patch } = readAnswer(await ask(admission.port, ca, aReview(aPod())));
  assert.ok(patch.some(({ path }) => path === '/spec/containers/-'));
  assert.equal(await admission.stop(), 0);
});

test('an API server of 1.29 with a kubelet of 1.27 gets plain containers, and the reason is told', async (t) => {
  const { store, kubeconfig } = await openCluster(t);
  store.version = { major: '1', minor: '29' };
  store.node('new', 'v1.29.3');
  store.node('old', 'v1.27.9');
  const admission = await startAdmission(t, kubeconfig, []);
  await until(() => isReady(admission.ops));
  const ca = authorityIn(store);
  const injects = async (path: string) =>
    readAnswer(await ask(admission.port, ca, aReview(aPod()))).patch.some(
      (operation) => operation.path === path,
    );
  assert.ok(await injects('/spec/containers/-'));
  const { reasons } = (await (await fetch(`${admission.ops}/readyz`)).json()) as { reasons: string[] };
  assert.deepEqual(reasons, ['sidecars are plain containers: the node old has kubelet v1.27.9']);
  store.remove('/api/v1/nodes/old');
  await until(() => injects('/spec/initContainers/0'));
  assert.equal(await admission.stop(), 0);
});

test('with mounted files and no API it injects what the pods themselves ask for, and says what is missing', async (t) => {
  const folder = tempFolder(t);
  const { ca, cert, key } = await issueCertificate([HOST], Date.now(), 86_400_000);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  const admission = await startAdmission(t, 'off', [`--tls-dir=${folder}`, '--native=on']);
  await until(() => isReady(admission.ops));
  const { reasons } = (await (await fetch(`${admission.ops}/readyz`)).json()) as { reasons: string[] };
  assert.match(reasons.join(), /annotations of namespaces do not count/);
  const { patch, warnings } = readAnswer(await ask(admission.port, ca, aReview(aPod())));
  assert.ok(patch.length > 0);
  assert.match(warnings[0]!, /without SYS_PTRACE/);
  assert.equal(await admission.stop(), 0);
});

test('a wrong configuration is an error in words', async () => {
  const cases: [string[], RegExp][] = [
    [['--listen', 'nowhere'], /admission\.listen must be host:port/],
    [['--service', 'A B'], /admission\.service must be the name/],
    [['--tls-dir', ''], /without the Kubernetes API there is no certificate/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runCognitod(['admission', '--ops-listen=127.0.0.1:0', ...args], {
      env: { COGNITOD_KUBERNETES_API: 'off' },
    });
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

test('the check says what the start would refuse wherever it is made, and nothing of the place where it is made', async () => {
  const check = (api: string) =>
    spawnSync(COGNITOD, ['admission', '--check-config'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, COGNITOD_KUBERNETES_API: api },
    });
  const off = check('off');
  assert.notEqual(off.status, 0);
  assert.match(off.stderr, /without the Kubernetes API there is no certificate/);
  for (const api of ['auto', 'in-cluster', '/nonexistent/kubeconfig'])
    assert.equal(check(api).status, 0, api);
});
