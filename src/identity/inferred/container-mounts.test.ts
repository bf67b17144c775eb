// What mounts say of a container, for what runtimes make and for what strangers could.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readMountedName } from './container-mounts.ts';

const POD = '0b6e3a5c-7d1f-4c55-9a53-3f6f0b0f6c11';
const ID = 'a'.repeat(64);
const SANDBOX = 'b'.repeat(64);

/** As fs/proc_namespace.c writes it: id, parent, device, root, mount point, options, `-`, type, source, options. */
const line = (root: string, target: string) =>
  `812 790 254:1 ${root} ${target} rw,relatime - ext4 /dev/vda1 rw`;
const words = (name: string, pod = POD) =>
  line(`/var/lib/kubelet/pods/${pod}/containers/${name}/1f2e3d4c`, '/dev/termination-log');
const read = (...lines: string[]) => readMountedName(`${lines.join('\n')}\n`, POD, ID);
const named = (name: string) => ({ kind: 'container', name });

const ROOTFS = '790 600 0:57 / / rw,relatime - overlay overlay rw,lowerdir=/l';
const containerd = (id: string) =>
  line(`/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/${id}/resolv.conf`, '/etc/resolv.conf');

test('a container is named by the file for its last words, wherever the kubelet keeps its files', () => {
  assert.deepEqual(read(ROOTFS, containerd(SANDBOX), words('api')), named('api'));
  for (const root of ['/var/lib/k0s/kubelet', '/var/snap/microk8s/common/var/lib/kubelet', ''])
    assert.deepEqual(read(line(`${root}/pods/${POD}/containers/api/0a`, '/dev/x')), named('api'));
  // A static pod's uid is the hash of its manifest.
  const hash = '0123456789abcdef0123456789abcdef';
  assert.deepEqual(readMountedName(words('etcd', hash), hash, ID), named('etcd'));
});

test('a sandbox is known by its own files, which the containers of its pod have too', () => {
  const crio = `/run/containers/storage/overlay-containers/${ID}/userdata/resolv.conf`;
  const dockershim = `/var/lib/docker/containers/${ID}/hostname`;
  const shm = `/run/containerd/io.containerd.grpc.v1.cri/sandboxes/${ID}/shm`;
  for (const root of [crio, dockershim, shm])
    assert.deepEqual(read(ROOTFS, line(root, '/etc/x')), { kind: 'sandbox' });
  assert.equal(read(ROOTFS, containerd(SANDBOX)), null);
});

test('mounts that do not tell, or tell two things, name nobody', () => {
  const other = 'f3a1c1a4-2b1c-4a55-8a53-aaaaaaaaaaaa';
  for (const lines of [
    [],
    [ROOTFS],
    // The machine's own mounts: the runtime has not prepared the container yet.
    ['21 26 0:20 / /proc rw,relatime - proc proc rw'],
    [words('api', other)],
    [words('api'), words('db')],
    [words('api'), containerd(ID)],
    [line(`/var/lib/kubelet/pods/${POD}/containers/api`, '/x')],
    [line(`/var/lib/kubelet/pods/${POD}/containers/api/1f2e3d4c//deleted`, '/x')],
    [line(`/var/lib/kubelet/pods/${POD}/volumes/kubernetes.io~empty-dir/containers/api/xyz`, '/x')],
    // The path stands in the mount point, which whoever mounts chooses.
    [line('/x', `/var/lib/kubelet/pods/${POD}/containers/api/1f2e3d4c`)],
    [words('Api'), words('-api'), words('a_b'), words('a'.repeat(64)), words('..')],
  ])
    assert.equal(read(...lines), null, lines.join('\n'));
  assert.deepEqual(read(words('api'), words('api'), words('db', other)), named('api'));
});

test('any text is read, in time that grows with its length', () => {
  const part = fc.oneof(
    fc.constantFrom('/pods/', POD, '/containers/', 'api', '/1f', '\n', ' ', '/', ID, '/resolv.conf', '-'),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 200 }), (parts) => {
      const found = readMountedName(parts.join(''), POD, ID);
      if (found?.kind === 'container') assert.match(found.name, /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/);
    }),
    { numRuns: 2000 },
  );
  // Long inputs end: a pattern that goes back over its input would not.
  for (const text of ['/pods/'.repeat(50_000), `/pods/${'a-'.repeat(100_000)}`, '/'.repeat(200_000)])
    assert.equal(readMountedName(`1 1 0:1 ${text} / rw\n`, POD, ID), null);
});
