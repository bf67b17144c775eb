// The doctor beside real agents in trouble, as a sidecar, in the agent itself; and a real runtime.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type ConfigurationJson,
  configurationSchema,
  type DoctorJson,
  doctorSchema,
  type EvidenceJson,
} from '../src/api/index.ts';
import { FakeKube } from '../src/identity/kube/fake-kube.fixture.ts';
import { cannotRunContainerd, startContainerd } from './e2e/containerd.ts';
import { type AgentOptions, type RunningAgent, startAgent } from './support/agent.ts';
import { canaryIsTold, beforeInstall, examine, found, scratch } from './support/doctor.ts';
import { ownNamespaces } from './support/namespaces.ts';
import { cannotUseBpf } from './support/observe.ts';

const skip = cannotUseBpf();
/** What depends on the machine: whether its clock is synchronised, and how busy it is. */
const MACHINE = ['clock', 'canary'];

async function start(t: TestContext, options: AgentOptions = {}): Promise<RunningAgent> {
  const agent = await startAgent({ args: ['--collector', 'ebpf'], ...options });
  t.after(() => {
    agent.kill('SIGCONT');
    agent.kill('SIGKILL');
  });
  return agent;
}

/** Passes requests on to the agent; `onEvents` is called when its event stream has begun. */
async function proxyTo(t: TestContext, agent: RunningAgent, onEvents: () => void): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const { url = '/', headers } = incoming;
    const { host: _host, ...passed } = headers;
    request(`${agent.api}${url}`, { headers: passed }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on('error', () => outgoing.destroy()).pipe(outgoing);
      if (url.startsWith('/api/v1/events')) answer.once('data', onEvents);
    })
      .on('error', () => outgoing.destroy())
      .end();
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an agent whose ring nobody reads any more: the canary is not told', { skip }, async (t) => {
  const agent = await start(t);
  const api = await proxyTo(t, agent, () => agent.kill('SIGSTOP'));
  const { code, checks } = await examine(['--api', api]);
  assert.equal(code, 1);
  found(checks, 'canary', 'fail', /^a process of our own was not told within 5 s$/);
  agent.kill('SIGCONT');
  await agent.stop();
});

test('a second agent', { skip }, async (t) => {
  const [first, second] = [await start(t), await start(t)];
  const { code, checks } = await examine(['--api', first.api]);
  assert.equal(code, 0);
  found(checks, 'second-agent', 'warn', new RegExp(`^besides it there is .*process ${second.pid}\\b`));
  found(checks, 'hooks', 'ok', /its descriptors show the same$/);
  const { host } = new URL(first.ops);
  const before = await beforeInstall({ env: { COGNITOD_OPS_LISTEN: host } });
  assert.equal(before.code, 1);
  const pattern = `${host} \\(ops.listen\\) is taken; an agent runs here already: .*process ${first.pid}\\b`;
  found(before.checks, 'second-agent', 'fail', new RegExp(pattern));
  await Promise.all([first.stop(), second.stop()]);
});

test('a wrong node name', { skip }, async (t) => {
  const bootID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const fake = await new FakeKube().listen();
  t.after(() => fake.stop());
  const nodes: Record<string, string> = { 'node-a': bootID, 'node-b': 'of-another-machine' };
  fake.others = (_request, response, { pathname }) => {
    const name = /^\/api\/v1\/nodes\/(.+)$/.exec(pathname)?.[1];
    if (name === undefined) return false;
    response.writeHead(nodes[name] === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: { nodeInfo: { bootID: nodes[name] } } }));
    return true;
  };
  const kubeconfig = join(scratch(t), 'kubeconfig');
  const cluster = { name: 'c', cluster: { server: fake.url } };
  const context = { name: 'c', context: { cluster: 'c', user: 'u' } };
  const user = { name: 'u', user: { token: 't' } };
  const content = { clusters: [cluster], users: [user], contexts: [context], 'current-context': 'c' };
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...content }));
  const env = (name: string) => ({ COGNITOD_KUBERNETES_API: kubeconfig, COGNITOD_NODE_NAME: name });
  const right = await beforeInstall({ env: env('node-a') });
  found(right.checks, 'node-name', 'ok', /has the boot id of this machine$/);
  const none = await beforeInstall({ env: env('node-c') });
  assert.equal(none.code, 1);
  found(none.checks, 'node-name', 'fail', /^the API has no node «node-c»$/);
  // The agent's name counts, not that of doctor's own configuration.
  const agent = await start(t, { env: env('node-b') });
  const other = await examine(['--api', agent.api], { env: env('node-a') });
  found(
    other.checks,
    'node-name',
    'fail',
    /^the node «node-b» of the API is another machine: its boot id is of-another/,
  );
  await agent.stop();
});

test('the agent examines itself, once for all who ask, and tells its configuration', { skip }, async (t) => {
  const directory = scratch(t);
  const config = join(directory, 'cognitod.yaml');
  writeFileSync(config, 'model:\n  heal_seconds: 20\nsecrets:\n  extra_patterns: [hunter2-\\d+]\n');
  const token = 'a-token-that-is-never-shown';
  const agent = await start(t, {
    args: ['--collector', 'ebpf', '--config', config],
    env: { COGNITOD_API_TOKEN: token, COGNITOD_MODEL_MAX_LIVE: '3000' },
  });
  const get = async (path: string) => {
    const response = await fetch(`${agent.api}${path}`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(response.status, 200);
    return response.text();
  };
  const texts = await Promise.all(Array.from({ length: 10 }, () => get('/api/v1/doctor')));
  assert.equal(new Set(texts).size, 1, 'one examination for all');
  const document = JSON.parse(texts[0]!) as DoctorJson;
  assert.deepEqual(doctorSchema.parse(document), document);
  const checks = Object.fromEntries(document.checks.map((check) => [check.id, check]));
  assert.deepEqual(
    document.checks.filter(({ result }) => result === 'fail'),
    [],
  );
  found(checks, 'privileges', 'ok', /^no capability in any thread; .*task shows the same$/);
  found(checks, 'hooks', 'ok', /its descriptors show the same$/);
  found(checks, 'host-proc', 'ok', /processes in \/proc$/);
  assert.equal(checks.canary, undefined);

  const text = await get('/api/v1/configuration');
  assert.doesNotMatch(text, /hunter2|never-shown/);
  const configuration = JSON.parse(text) as ConfigurationJson;
  assert.deepEqual(configurationSchema.parse(configuration), configuration);
  const key = (name: string) => {
    const { value, source, place } = configuration.keys.find((one) => one.key === name)!;
    return [value, source, place];
  };
  assert.deepEqual(key('collector'), ['ebpf', 'flag', null]);
  assert.deepEqual(key('model.heal_seconds'), [20, 'file', `${config}:2`]);
  assert.deepEqual(key('model.max_live'), [3000, 'environment', 'COGNITOD_MODEL_MAX_LIVE']);
  assert.deepEqual(key('api.token'), ['[set]', 'environment', 'COGNITOD_API_TOKEN']);
  assert.deepEqual(key('secrets.extra_patterns'), [['[set]'], 'file', `${config}:4`]);
  assert.deepEqual(key('proc_root'), ['/proc', 'default', null]);
  const evidence = JSON.parse(await get('/api/v1/evidence')) as EvidenceJson;
  assert.equal(configuration.sha256, evidence.current.configuration.sha256);
  await agent.stop();
});

test('a sidecar: nothing fails or warns for what a sidecar cannot have', { skip }, async (t) => {
  const env = {
    COGNITOD_COLLECTOR: 'procfs',
    COGNITOD_KUBERNETES_API: 'off',
    COGNITOD_RUNTIME_CRI: 'off',
    COGNITOD_RUNTIME_DOCKER: 'off',
    COGNITOD_RUNTIME_PODMAN: 'off',
    COGNITOD_POD_UID: '0f5e6c1a-0000-4000-8000-00000000bbbb',
    COGNITOD_POD_NAME: 'api-1',
    COGNITOD_POD_NAMESPACE: 'shop',
  };
  const agent = await start(t, { args: [], env, prefix: ownNamespaces({ pids: true, cgroups: true }) });
  const [inside] = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8').split(' ');
  const prefix = ['nsenter', '--target', inside!, '--mount', '--pid', '--cgroup'];
  const { code, checks } = await examine(['--api', agent.api], { env, prefix });
  const results = (wanted: string) =>
    Object.entries(checks)
      .filter(([id, { result }]) => result === wanted && !MACHINE.includes(id))
      .map(([id, { reason }]) => `${id}: ${reason}`);
  assert.deepEqual([...results('fail'), ...results('warn')], []);
  assert.equal(code, 0);
  found(checks, 'ready', 'ok', /^its pod, as a sidecar does: short-lived processes are missed/);
  found(checks, 'hooks', 'ok', /^none: polling/);
  canaryIsTold(checks);
  found(checks, 'names', 'ok', /^downward-api ok \(1\)/);
  found(checks, 'privileges', 'ok', /task shows the same$/);
  found(checks, 'second-agent', 'ok', /^no other in/);
  found(checks, 'host-pid', 'ok', /^its pod's/);
  found(checks, 'host-proc', 'ok', /as it should be in a sidecar$/);
  for (const id of ['btf', 'lockdown', 'load', 'capabilities', 'kernel-config'])
    found(checks, id, 'skip', /loads nothing/);
  for (const id of ['runtime', 'permissions', 'node-name']) assert.equal(checks[id]?.result, 'skip', id);
  await agent.stop();
});

test('a real containerd says its version', { skip: skip || cannotRunContainerd() }, async () => {
  const containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
  try {
    const { checks } = await beforeInstall({ env: { COGNITOD_RUNTIME_CRI: containerd.socket } });
    found(checks, 'runtime', 'ok', new RegExp(`^containerd \\S+ at ${containerd.socket}$`));
  } finally {
    await containerd.close();
  }
});
