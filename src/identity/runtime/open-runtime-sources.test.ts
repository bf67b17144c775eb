// Which runtimes are asked, by settings and by what is there.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openRuntimeSources, type RuntimeSourcesOptions, runtimeSockets } from './open-runtime-sources.ts';
import { tempDirectory } from './runtime.fixture.ts';
import { connectFailure } from './runtime-client.ts';

function names(t: TestContext, sockets: readonly string[], options: RuntimeSourcesOptions = {}): string[] {
  const hostRoot = tempDirectory(t);
  for (const socket of sockets) {
    mkdirSync(dirname(join(hostRoot, socket)), { recursive: true });
    writeFileSync(join(hostRoot, socket), '');
  }
  return openRuntimeSources({ hostRoot, kubernetes: false, ...options }).map(({ name }) => name);
}

const CONTAINERD = '/run/containerd/containerd.sock';
test('the sockets of containerd, CRI-O and the common distributions are found', (t) => {
  for (const socket of [
    CONTAINERD,
    '/run/crio/crio.sock',
    '/run/k3s/containerd/containerd.sock',
    '/run/k0s/containerd.sock',
    '/var/snap/microk8s/common/run/containerd.sock',
    '/run/cri-dockerd.sock',
  ]) {
    assert.deepEqual(names(t, [socket]), ['cri'], socket);
    assert.ok(runtimeSockets({ hostRoot: '/host' }).some(({ path }) => path === `/host${socket}`));
  }
});

const DOCKER = '/var/run/docker.sock';
const PODMAN = '/run/podman/podman.sock';

test('nobody is asked where there is nobody', (t) => {
  assert.deepEqual(names(t, []), []);
});

test('on a Kubernetes node CRI is asked even before its socket is there', (t) => {
  assert.deepEqual(names(t, [], { kubernetes: true }), ['cri']);
});

test('Docker and podman are asked beside containerd, for Docker uses it too, but not on a Kubernetes node', (t) => {
  assert.deepEqual(names(t, [DOCKER, PODMAN]), ['docker', 'podman']);
  assert.deepEqual(names(t, [CONTAINERD, DOCKER, PODMAN]), ['cri', 'docker', 'podman']);
  assert.deepEqual(names(t, [CONTAINERD, DOCKER, PODMAN], { kubernetes: true }), ['cri']);
  assert.deepEqual(names(t, [DOCKER], { kubernetes: true, docker: '/x.sock' }), ['cri', 'docker']);
});

test('off is off, and a path is taken as it is', (t) => {
  assert.deepEqual(names(t, [CONTAINERD], { cri: 'off', kubernetes: true }), []);
  const [source] = openRuntimeSources({ cri: '/x/cri.sock', hostRoot: '/host', kubernetes: false });
  assert.equal(source!.status().endpoint, 'unix:///x/cri.sock');
});

test('a socket that may not be opened is a matter of permission, in the words of both protocols', () => {
  const system = Object.assign(new Error('permission denied'), { code: 'EACCES' });
  assert.equal(connectFailure('/s', system).state, 'no-permission');
  const grpc = new Error('14 UNAVAILABLE: No connection established. Last error: connect EACCES /s');
  assert.equal(connectFailure('/s', grpc).state, 'no-permission');
  assert.equal(connectFailure('/s', new Error('connect ECONNREFUSED')).state, 'unreachable');
});
