// Tests the reading of cgroup paths against a corpus of real ones and of each system's own forms.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCgroup, parseCgroupPath } from './cgroup-file.ts';
import { readCgroupPath, rootsAround } from './cgroup-path.ts';
import { CgroupRoots } from './cgroup-roots.ts';

const A = '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9';
const B = 'ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100';
const UID = '3d274242-8ee0-11e9-a8a6-1e68d864ef1a';
const SLICE_UID = UID.replaceAll('-', '_');
const HOST = { containerId: null, podUid: null, runtime: null, qos: null, tags: [], unit: null };

interface Sample {
  readonly source: string;
  readonly input: string;
  readonly container_id: string | null;
  readonly pod_uid: string | null;
  readonly runtime: string | null;
  readonly qos: string | null;
}

function corpus(): Sample[] {
  const text = readFileSync(new URL('testdata/cgroup.jsonl', import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('every sample of the corpus is answered as expected', () => {
  const samples = corpus();
  assert.equal(samples.length, 82);
  for (const sample of samples) {
    const { containerId, podUid, runtime, qos } = parseCgroup(sample.input);
    assert.deepEqual(
      { container_id: containerId, pod_uid: podUid, runtime, qos },
      {
        container_id: sample.container_id,
        pod_uid: sample.pod_uid,
        runtime: sample.runtime,
        qos: sample.qos,
      },
      `${sample.source}: ${sample.input}`,
    );
  }
});

test('each container system is recognised by its own form of a path', () => {
  const forms: [path: string, containerId: string | null, runtime: string | null][] = [
    [`/docker/${A}`, A, 'docker'],
    [`/${A}`, A, null],
    [`/k8s.io/${A}`, A, null],
    [`/system.slice/runc-${A}.scope`, A, null],
    [`/system.slice:docker:${A}`, A, 'docker'],
    [`/:docker:${A}`, A, 'docker'],
    [`/system.slice/containerd-${A}.scope`, A, 'containerd'],
    [`//docker//${A}//`, A, 'docker'],
    [`/user.slice:libpod:${A}`, A, 'podman'],
    [`/system.slice/nerdctl-${A}.scope/init`, A, 'containerd'],
    [`/machine.slice/machine-libpod_pod_${B}.slice/libpod-${A}.scope/container`, A, 'podman'],
    [`/libpod_parent/${B}/libpod-${A}`, A, 'podman'],
    ['/lxc/web', 'web', 'lxc'],
    ['/lxc/101/ns/system.slice/cron.service', '101', 'lxc'],
    ['/lxc.payload.web-1/.lxc', 'web-1', 'lxc'],
    ['/lxc.payload.user-1000_web/system.slice/ssh.service', 'user-1000_web', 'lxc'],
    ['/lxc.payload/web', 'web', 'lxc'],
    ['/machine.slice/machine-lxc\\x2d2391\\x2dmail\\x2dgw.scope', 'mail-gw', 'lxc'],
    ['/machine/lxc-2391-mail-gw.libvirt-lxc', 'mail-gw', 'lxc'],
    ['/machine.slice/machine-build\\x2dbox.scope/payload/init.scope', 'build-box', 'nspawn'],
    ['/machine.slice/systemd-nspawn@build\\x2dbox.service', 'build-box', 'nspawn'],
    ['/machine.slice/machine-lab.slice/machine-a\\x40b.scope', 'a@b', 'nspawn'],
    [`/ecs/demo/5a0d5ceddf6c44c1928d367a815d890f/${A}`, A, 'ecs'],
    [
      '/ecs/34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
      '34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
      'ecs',
    ],
    [`/ecstasks.slice/ecstasks-5a0d5ceddf6c44c1928d367a815d890f.slice/docker-${A}.scope`, A, 'docker'],
    [
      '/system.slice/garden.service/garden/good/6f265890-5165-7fab-6b52-18d1',
      '6f265890-5165-7fab-6b52-18d1',
      'garden',
    ],
    [`/garden/${UID}`, UID, 'garden'],
    [`/machine.slice/build-box.scope/payload/init.scope`, 'build-box', 'nspawn'],
    [`/kata_overhead/${A}`, A, null],
    [`/kata-overhead.slice/runtime-rs-${A}.scope`, A, null],
    // Inside one another: the outermost.
    [`/lxc.payload.web/system.slice/docker-${A}.scope`, 'web', 'lxc'],
    [`/docker/${B}/docker/${A}`, B, 'docker'],
    [`/docker/${A}/system.slice/containerd.service`, A, 'docker'],
    [
      `/machine.slice/systemd-nspawn@outer.service/payload/machine.slice/libpod-${A}.scope`,
      'outer',
      'nspawn',
    ],
    [`/docker/${A}/libpod_parent/conmon`, A, 'docker'],
    // The names of units mean nothing in there.
    [`/docker/${A}/system.slice/var-lib-docker.mount`, A, 'docker'],
    [`/docker/${A}/x.mount`, A, 'docker'],
    [`/libpod_parent/libpod-${A}/system.slice/x.mount`, A, 'podman'],
    [`/system.slice/docker-${A}.scope/system.slice/x.mount`, A, 'docker'],
    [`/docker/${A}/y.service`, A, 'docker'],
    [`/docker/${A}/init.scope`, A, 'docker'],
    [`/docker/${A}/supervisor`, A, 'docker'],
  ];
  for (const [path, containerId, runtime] of forms) {
    const { claim: _, ...believed } = parseCgroupPath(path);
    assert.deepEqual(
      believed,
      { ...HOST, containerId, runtime, tags: [`container:${containerId?.slice(0, 12)}`] },
      path,
    );
  }
});

test('what only looks like a container is none', () => {
  const paths = [
    `/docker/${A.slice(1)}`,
    `/docker/${A}0`,
    `/docker/${A.slice(1)}g`,
    `/docker-${A.slice(1)}.scope`,
    `/prefix${A}`,
    `/something-${A}`,
    `/libpod_parent/${A}`,
    `/libpod_parent/${A}/conmon`,
    `/machine.slice/machine-libpod_pod_${A}.slice`,
    `/machine.slice/crio-conmon-${A}.scope`,
    `/system.slice:crio-conmon:${A}`,
    `/system.slice:docker:${A.slice(1)}`,
    `/docker:${A}`,
    '/lxc/..',
    `/kubepods/pod/${A.slice(2)}`,
    `/system.slice/docker-${A}.mount`,
    '/lxc.monitor.web',
    '/lxc.monitor/web',
    '/lxc.pivot',
    '/lxc.payload.',
    '/lxc/system.slice',
    '/ecs/34dc0b5e626f2c5c4c5170e34b10e765',
    '/34dc0b5e626f2c5c4c5170e34b10e765-',
    `/mesos/${UID}`,
    '/firecracker/551e7604-e35c-42b3-b825-416853441234',
    '/__proto__/constructor-x/toString',
  ];
  for (const path of paths) {
    const { containerId, runtime, tags } = parseCgroupPath(path);
    assert.deepEqual({ containerId, runtime, tags }, { containerId: null, runtime: null, tags: [] }, path);
  }
});

test('a scope or service of the host that carries an id is its unit and no container', () => {
  const units = [
    `libpod-conmon-${A}.scope`,
    `containerd-shim-${A}.scope`,
    `${A}.service`,
    `container-${A}.service`,
    `docker-${A}.mount`,
    `docker-${A}.scope.service`,
  ];
  for (const unit of units) assert.deepEqual(parseCgroupPath(`/system.slice/${unit}`), { ...HOST, unit });
});

test('a virtual machine is a unit of the host', () => {
  const unit = 'machine-qemu\\x2d10\\x2dvm.scope';
  assert.deepEqual(parseCgroupPath(`/machine.slice/${unit}/libvirt/emulator`), { ...HOST, unit });
});

test('a machine scope outside the machine slice is an ordinary scope', () => {
  const path = '/user.slice/user-1000.slice/user@1000.service/app.slice/machine-shop.scope';
  assert.deepEqual(parseCgroupPath(path), {
    ...HOST,
    unit: 'user@1000.service',
    userUnit: 'machine-shop.scope',
  });
});

test("nspawn's own process is in the unit and not in the machine", () => {
  const unit = 'systemd-nspawn@web.service';
  assert.deepEqual(parseCgroupPath(`/machine.slice/${unit}/supervisor`), { ...HOST, unit });
  // Only where nspawn puts it: a payload cannot leave its machine by the name of a directory.
  assert.equal(parseCgroupPath(`/machine.slice/${unit}/payload/supervisor`).containerId, 'web');
  const nested = `/docker/${A}/machine.slice/${unit}/supervisor`;
  assert.equal(parseCgroupPath(nested).containerId, A);
  // systemd 259: a scope of nspawn's own making.
  const scope = { ...HOST, unit: 'web.scope' };
  assert.deepEqual(parseCgroupPath('/machine.slice/web.scope/supervisor'), scope);
  for (const path of ['/machine.slice/web.scope', '/machine.slice/web.scope/x/payload'])
    assert.deepEqual(parseCgroupPath(path), scope);
  assert.deepEqual(parseCgroupPath('/system.slice/web.scope/payload'), scope);
});

test('the unit is that of the system manager: the first service or scope below slices', () => {
  const units: [path: string, unit: string | null][] = [
    ['/', null],
    ['/init.scope', 'init.scope'],
    ['/system.slice', null],
    ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service'],
    ['/system.slice/containerd.service', 'containerd.service'],
    ['/system.slice/redis.service/runtime', 'redis.service'],
    ['/system.slice/systemd-udevd.service/udev', 'systemd-udevd.service'],
    ['/user.slice/user-1000.slice/session-3.scope', 'session-3.scope'],
    ['/user.slice/user-1000.slice/user@1000.service/init.scope', 'user@1000.service'],
    ['/system.slice/runner.service/kubelet.service', 'runner.service'],
    ['/site/x.service', null],
    ['/system.slice/_memory.service', 'memory.service'],
    [
      '/nomad.slice/share.slice/18df61c6-09fb-3b35-d2bd-03c0f17a9e8b.web.scope',
      '18df61c6-09fb-3b35-d2bd-03c0f17a9e8b.web.scope',
    ],
    ['/../../system.slice/cron.service', 'cron.service'],
    ['/podruntime/kubelet', null],
    ['/some.service.d/x', null],
  ];
  for (const [path, unit] of units) assert.deepEqual(parseCgroupPath(path), { ...HOST, unit }, path);
});

test('what a user calls a unit is told beside the user manager, and never as a unit of the host', () => {
  const manager = '/user.slice/user-1000.slice/user@1000.service';
  for (const [path, userUnit] of [
    ['app.slice/redis.service', 'redis.service'],
    ['tmux-spawn-1.scope', 'tmux-spawn-1.scope'],
    ['system.slice/kubelet.service', 'kubelet.service'],
    ['app.slice/app-x.slice/a.service/b.service', 'a.service'],
  ])
    assert.deepEqual(parseCgroupPath(`${manager}/${path}`), { ...HOST, unit: 'user@1000.service', userUnit });
  for (const path of ['init.scope', 'x/y.service', 'app.slice'])
    assert.deepEqual(parseCgroupPath(`${manager}/${path}`), { ...HOST, unit: 'user@1000.service' });
});

test('a container in the subtree of a user or service is told as claimed, with its unit', () => {
  const manager = '/user.slice/user-1000.slice/user@1000.service';
  const cases: [path: string, containerId: string, runtime: string | null, unit: string | null][] = [
    [`${manager}/user.slice/libpod-${A}.scope/container`, A, 'podman', 'user@1000.service'],
    [`${manager}/lxc.payload.web`, 'web', 'lxc', 'user@1000.service'],
    [`/system.slice/web.service/libpod-payload-${A}`, A, 'podman', 'web.service'],
    [`/somewhere/${A}`, A, null, null],
  ];
  for (const [path, containerId, runtime, unit] of cases) {
    const { userUnit: _, ...told } = parseCgroupPath(path);
    // Without a tag: whoever filters by tags must not take it for the container of that id.
    assert.deepEqual(told, { ...HOST, containerId, runtime, unit, claimed: true }, path);
  }
});

test('a container is believed where a runtime that root runs makes it', () => {
  const places: [place: string, runtime: string | null][] = [
    // containerd's own namespace with cgroupfs: nerdctl, ctr.
    ['/default', null],
    ['/system.slice/k3s-server1.service', null],
    ['/system.slice/k3s-agent-2.service', null],
    ['/system.slice/microshift.service', null],
    ['/system.slice/snap.docker.dockerd.service', null],
  ];
  for (const [place, runtime] of places) {
    const { identity, byName } = readCgroupPath(`${place}/${A}`);
    assert.deepEqual(
      [identity.containerId, identity.runtime, identity.unit, byName],
      [A, runtime, null, false],
      place,
    );
  }
  for (const place of [
    '/site/default',
    '/system.slice/default',
    '/system.slice/k3s-.service',
    '/system.slice/xk3s-a.service',
    '/system.slice/k3s-a.scope',
    '/user.slice/user-1000.slice/user@1000.service/app.slice/microshift.service',
  ])
    assert.equal(readCgroupPath(`${place}/${A}`).byName, true, place);
});

test('of several roots around a path the longest counts below which something is named', () => {
  const crun = `/docker/${B}/kubelet/kubepods/burstable/pod${UID}/${A}/container`;
  const read = (path: string, ...roots: string[]) => readCgroupPath(path, new CgroupRoots(roots)).identity;
  const container = crun.slice(0, crun.lastIndexOf('/'));
  const own = `${crun}/inner`;
  for (const roots of [
    [`/docker/${B}`, container],
    [container, `/docker/${B}`],
    [`/docker/${B}`, '/docker', '/docker/*/kubelet/kubepods/*/*/*', crun],
  ])
    assert.deepEqual([read(own, ...roots).podUid, read(own, ...roots).containerId], [UID, A]);
  const inner = UID.replace('3d', '4e');
  const nested = `${container}/kubepods/pod${inner}/${B}`;
  assert.equal(read(nested, `/docker/${B}`, container).podUid, inner, 'a node in a pod');
  assert.equal(read(nested, `/docker/${B}`).podUid, UID, 'a pod that is no node');
});

test('of a node that is a container itself the pod is told as claimed', () => {
  const pod = `kubelet/kubepods/burstable/pod${UID}/${A}`;
  const { podUid, containerId, qos, claimed } = parseCgroupPath(`/docker/${B}/${pod}`);
  assert.deepEqual([podUid, containerId, qos, claimed], [UID, A, 'burstable', true]);
  // What the agent says, to which nobody has said that these are nodes.
  const { identity } = readCgroupPath(`/docker/${B}/${pod}`);
  assert.deepEqual([identity.podUid, identity.containerId], [null, B]);
  assert.deepEqual(identity.claim, { podUid: UID, containerId: A, runtime: null, qos: 'burstable' });
});

test('inside containers and pods no unit is named, neither of the host nor of the payload', () => {
  const paths = [
    `/system.slice/docker-${A}.scope/system.slice/sshd.service`,
    `/system.slice/containerd.service/kubepods-pod${SLICE_UID}.slice:cri-containerd:${A}`,
    `/kubepods.slice/kubepods-pod${SLICE_UID}.slice/crio-conmon-${A}.scope`,
  ];
  for (const path of paths) assert.equal(parseCgroupPath(path).unit, null, path);
});

test('a mount unit with the id of a container is in no container', () => {
  const unit = `docker-${A}.mount`;
  assert.deepEqual(parseCgroupPath(`/system.slice/${unit}`), { ...HOST, unit });
  assert.equal(parseCgroupPath(`/kubepods/pod${UID}/crio-${A}.mount`).podUid, UID);
  assert.equal(parseCgroupPath(`/kubepods/pod${UID}/crio-${A}.mount`).containerId, null);
});

test('what a manager says of its containers does not hold inside them', () => {
  const inTask = parseCgroupPath(`/ecs/task/${A}/x/${B}`);
  assert.deepEqual([inTask.containerId, inTask.runtime, inTask.claim?.runtime], [A, 'ecs', null]);
  const inGarden = parseCgroupPath(`/garden/6f265890-5165-7fab-6b52-18d1/${UID}`);
  assert.equal(inGarden.containerId, '6f265890-5165-7fab-6b52-18d1');
  assert.equal(parseCgroupPath(`/ecs/kubepods/pod${UID}/${A}`).runtime, null);
});

test('a name longer than the kernel allows says nothing', () => {
  assert.equal(parseCgroupPath(`/lxc.payload.${'x'.repeat(255 - 12)}`).containerId, 'x'.repeat(243));
  assert.equal(parseCgroupPath(`/lxc.payload.${'x'.repeat(256 - 12)}`).containerId, null);
  const { containerId, runtime } = parseCgroupPath(`/docker/${'x'.repeat(256)}/${A}`);
  assert.deepEqual([containerId, runtime], [A, null]);
});

test('the tags name pod, container and QoS slice alike for both cgroup drivers', () => {
  const classes = [
    ['guaranteed', `/kubepods/pod${UID}/${A}`, 'kubepods'],
    ['burstable', `/kubepods/burstable/pod${UID}/${A}`, 'kubepods-burstable'],
    ['besteffort', `/kubepods/besteffort/pod${UID}/${A}`, 'kubepods-besteffort'],
    ['guaranteed', `/kubepods.slice/kubepods-pod${SLICE_UID}.slice/cri-containerd-${A}.scope`, 'kubepods'],
    ['burstable', `/x-kubepods-burstable-pod${SLICE_UID}.slice/crio-${A}.scope`, 'kubepods-burstable'],
  ] as const;
  for (const [qos, path, slice] of classes) {
    const identity = parseCgroupPath(path);
    assert.equal(identity.qos, qos, path);
    assert.deepEqual(identity.tags, [`k8s_pod:${UID}`, 'container:0a1b2c3d4e5f', `cgroup:${slice}`]);
  }
});

test('where the level above a pod is not in the path, the class is unknown and not guessed', () => {
  for (const path of [`/../../pod${UID}/${A}`, `/kubepods/test/pod${UID}/${A}`]) {
    assert.deepEqual(parseCgroupPath(path), {
      ...HOST,
      containerId: A,
      podUid: UID,
      tags: [`k8s_pod:${UID}`, 'container:0a1b2c3d4e5f'],
    });
  }
});

test('a pod needs a uid and, with the systemd driver, the slice of a kubelet', () => {
  const paths = [
    '/kubepods/burstable/podman',
    `/kubepods/burstable/pod${UID}0`,
    `/kubepods/burstable/pod${UID.replace('3', 'g')}`,
    `/other-burstable-pod${SLICE_UID}.slice`,
    `/mykubepods-pod${SLICE_UID}.slice`,
    `/xkubepods-pod${SLICE_UID}.slice`,
    `/kubepods-pid${SLICE_UID}.slice`,
    `/kubepods-bulk-pod${SLICE_UID}.slice`,
    `/kubepods${SLICE_UID}.slice`,
    // Not where a kubelet makes them.
    `/pod${UID}/${A}`,
    `/docker/pod${UID}/${A}`,
    `/site/kubepods/pod${UID}/${A}`,
    `/system.slice/runner.service/kubepods/pod${UID}/${A}`,
  ];
  for (const path of paths) assert.equal(parseCgroupPath(path).podUid, null, path);
});

test('a pod of a cluster in a container leaves the outer container behind', () => {
  const node = `/system.slice/docker-${B}.scope/kubelet.slice/kubelet-kubepods.slice`;
  const pod = `${node}/kubelet-kubepods-pod${SLICE_UID}.slice`;
  assert.equal(parseCgroupPath(`${node}`).containerId, B);
  assert.deepEqual(
    [parseCgroupPath(pod).containerId, parseCgroupPath(pod).podUid],
    [null, UID],
    'the node is not a container of the pod',
  );
  assert.equal(parseCgroupPath(`${pod}/cri-containerd-${A}.scope`).containerId, A);
  assert.equal(parseCgroupPath(`/kubepods/pod${UID}/${B}/docker/${A}`).podUid, UID);
});

test('below a root that was configured names are believed as at the root of the hierarchy', () => {
  const pod = `kubepods/burstable/pod${UID}/${A}`;
  const read = (path: string, ...roots: string[]) => {
    const { identity, byName } = readCgroupPath(path, new CgroupRoots(roots));
    return [identity.podUid, byName ? 'claimed' : identity.containerId];
  };
  assert.deepEqual(read(`/site/a/${pod}`), [null, null]);
  assert.deepEqual(read(`/site/a/${pod}`, '/site/a'), [UID, A]);
  assert.deepEqual(read(`/site/a/${pod}`, '/site/a/'), [UID, A]);
  assert.deepEqual(read(`/site/a/${pod}`, '/site'), [null, null]);
  assert.deepEqual(read(`/site/ab/${pod}`, '/site/a'), [null, null]);
  assert.deepEqual(read(`/docker/${B}/kubelet/${pod}`, '/docker/*/kubelet'), [UID, A]);
  assert.deepEqual(read(`/docker/${B}/x/kubelet/${pod}`, '/docker/*/kubelet'), [null, B], 'one name');
  assert.deepEqual(read(`/docker/${B}/kubelet`, '/docker/*/kubelet'), [null, B], 'the node itself');
  assert.deepEqual(read(`/docker/${B}/kubelet/${pod}/kubelet/${pod.replace('3d', '4e')}`, '/docker/*'), [
    UID,
    A,
  ]);
  const service = `/system.slice/web.service/libpod-payload-${A}`;
  assert.deepEqual(read(service), [null, 'claimed']);
  assert.deepEqual(read(service, '/system.slice/*.service'), [null, A]);
});

test('the outermost pod counts, also where no container is in between', () => {
  const other = UID.replace('3d27', '4e27');
  for (const path of [
    `/kubepods/burstable/pod${UID}/kubepods/besteffort/pod${other}/${A}`,
    `/kubepods/burstable/pod${UID}/pod${other}/${A}`,
    `/kubepods/burstable/pod${UID}/kubepods-besteffort-pod${other.replaceAll('-', '_')}.slice:crio:${A}`,
  ]) {
    const { podUid, containerId, qos, claim } = parseCgroupPath(path);
    assert.deepEqual([podUid, containerId, qos], [UID, null, 'burstable'], path);
    assert.deepEqual([claim?.podUid, claim?.containerId], [other, A], path);
  }
});

test('the directories around the own place are those of its nodes and of its kubelet', () => {
  const pod = `kubepods/burstable/pod${UID}/${A}`;
  const cases: [path: string, roots: string[]][] = [
    [`/${pod}`, []],
    [`/kubepods.slice/kubepods-pod${SLICE_UID}.slice/cri-containerd-${A}.scope`, []],
    ['/system.slice/cognitod.service', []],
    [`/docker/${A}`, []],
    [`/docker/${B}/${pod}`, [`/docker/${B}`, `/docker/${B}`]],
    [`/docker/${B}/kubelet/${pod}`, [`/docker/${B}`, `/docker/${B}/kubelet`]],
    [`/site/${pod}`, ['/site']],
    ['/lxc.payload.node/system.slice/cognitod.service', ['/lxc.payload.node']],
  ];
  for (const [path, roots] of cases) assert.deepEqual(rootsAround(path), roots, path);
});
