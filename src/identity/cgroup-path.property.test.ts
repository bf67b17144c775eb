// Tests the reading of cgroup paths with paths made from the grammar of the systems that make them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCgroup, parseCgroupPath } from './cgroup-file.ts';
import type { QosClass } from './identity.ts';

interface Expected {
  readonly containerId: string | null;
  readonly podUid: string | null;
  readonly runtime: string | null;
  readonly qos: QosClass | null;
}

/** A path in the making: its names from the root on. */
interface Place extends Expected {
  readonly names: readonly string[];
}

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((c) => c.join(''));
const containerId = hex(64);
const podUid = fc.oneof(fc.uuid(), hex(32));
const qosClass = fc.constantFrom<QosClass>('guaranteed', 'burstable', 'besteffort');
const word = fc
  .stringMatching(/^[a-z][a-z0-9]{0,11}$/)
  .filter((name) => !['docker', 'lxc', 'ecs', 'garden'].includes(name));

const NOWHERE: Place = { names: [], containerId: null, podUid: null, runtime: null, qos: null };

/** What a node of a cluster runs in: the machine itself, a container (kind, minikube), LXC. */
const node: fc.Arbitrary<Place> = fc.oneof(
  fc.constant(NOWHERE),
  containerId.map((id) => ({
    ...NOWHERE,
    names: ['system.slice', `docker-${id}.scope`],
    containerId: id,
    runtime: 'docker',
  })),
  containerId.map((id) => ({ ...NOWHERE, names: ['docker', id], containerId: id, runtime: 'docker' })),
  word.map((name) => ({ ...NOWHERE, names: [`lxc.payload.${name}`], containerId: name, runtime: 'lxc' })),
);

const CRI = [
  { prefix: 'cri-containerd', runtime: 'containerd' },
  { prefix: 'crio', runtime: 'crio' },
  { prefix: 'docker', runtime: 'docker' },
] as const;

interface KubeletChoice {
  readonly driver: 'cgroupfs' | 'systemd' | 'literal';
  readonly root: string | null;
  readonly qos: QosClass;
  readonly uid: string;
  readonly id: string;
  readonly cri: (typeof CRI)[number];
  readonly leaf: 'container' | 'pod' | 'conmon' | 'mount';
}

const kubelet = fc.record<KubeletChoice>({
  driver: fc.constantFrom('cgroupfs', 'systemd', 'literal'),
  // With slices any root does; of directories only that of kind is known without being told.
  root: fc.option(fc.constantFrom('kubelet')),
  qos: qosClass,
  uid: podUid,
  id: containerId,
  cri: fc.constantFrom(...CRI),
  leaf: fc.constantFrom('container', 'pod', 'conmon', 'mount'),
});

function placePod(around: Place, choice: KubeletChoice): Place {
  const { driver, root, qos, uid, id, cri, leaf } = choice;
  const cls = qos === 'guaranteed' ? [] : [qos];
  const pod = { containerId: null, podUid: uid, runtime: null, qos };
  const inContainer = { ...pod, containerId: id };
  if (driver === 'cgroupfs') {
    const names = [...around.names, ...(root === null ? [] : [root]), 'kubepods', ...cls, `pod${uid}`];
    if (leaf === 'pod') return { ...pod, names };
    if (leaf === 'conmon') return { ...pod, names: [...names, `crio-conmon-${id}`] };
    if (leaf === 'mount') return { ...pod, names: [...names, `crio-${id}.mount`] };
    // Only CRI-O writes its name into the paths of this driver.
    const own = cri.prefix === 'crio';
    return { ...inContainer, names: [...names, own ? `crio-${id}` : id], runtime: own ? 'crio' : null };
  }
  const top = root === null ? 'kubepods' : `${root}-kubepods`;
  const slices = [top, ...cls.map((name) => `${top}-${name}`)];
  const slice = `${slices.at(-1)}-pod${uid.replaceAll('-', '_')}.slice`;
  if (driver === 'literal') {
    const names = [...around.names, 'system.slice', 'containerd.service'];
    if (leaf !== 'container') return { ...pod, names: [...names, `${slice}:${cri.prefix}-conmon:${id}`] };
    return { ...inContainer, names: [...names, `${slice}:${cri.prefix}:${id}`], runtime: cri.runtime };
  }
  const names = [...around.names, ...slices.map((name) => `${name}.slice`), slice];
  if (leaf === 'pod') return { ...pod, names };
  if (leaf === 'conmon') return { ...pod, names: [...names, `crio-conmon-${id}.scope`] };
  if (leaf === 'mount') return { ...pod, names: [...names, `crio-${id}.mount`] };
  return { ...inContainer, names: [...names, `${cri.prefix}-${id}.scope`], runtime: cri.runtime };
}

/** Containers without a cluster, on any place. */
const plain: fc.Arbitrary<(around: Place) => Place> = fc
  .record({
    id: containerId,
    name: word,
    form: fc.constantFrom(
      'docker',
      'scope',
      'podman',
      'rootless',
      'payload',
      'nerdctl',
      'nspawn',
      'lxc',
      'ecs',
      'garden',
    ),
    number: fc.nat(),
  })
  .map(({ id, name, form, number }) => (around: Place) => {
    const put = (runtime: string, containerId: string, ...names: string[]): Place => ({
      ...around,
      names: [...around.names, ...names],
      containerId,
      runtime,
    });
    const user = ['user.slice', 'user-1000.slice', 'user@1000.service'];
    switch (form) {
      case 'docker':
        return put('docker', id, 'docker', id);
      case 'scope':
        return put('docker', id, 'system.slice', `docker-${id}.scope`);
      case 'podman':
        return put('podman', id, 'machine.slice', `libpod-${id}.scope`, 'container');
      case 'rootless':
        return put('podman', id, ...user, 'user.slice', `libpod-${id}.scope`);
      case 'payload':
        return put('podman', id, ...user, 'app.slice', `${name}.service`, `libpod-payload-${id}`);
      case 'nerdctl':
        return put('containerd', id, 'system.slice', `nerdctl-${id}.scope`);
      case 'nspawn':
        return put('nspawn', name, 'machine.slice', `systemd-nspawn@${name}.service`, 'payload');
      case 'lxc':
        return put('lxc', name, `lxc.payload.${name}`);
      case 'ecs': {
        const task = id.slice(0, 32);
        return put('ecs', `${task}-${number}`, 'ecs', task, `${task}-${number}`);
      }
      default: {
        const handle = `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20, 24)}`;
        return put('garden', handle, 'garden', handle);
      }
    }
  });

const place: fc.Arbitrary<Place> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(node, kubelet).map(([around, choice]) => placePod(around, choice)) },
  { weight: 2, arbitrary: plain.map((put) => put(NOWHERE)) },
  // A container inside a container, in a pod or not: the outermost counts.
  {
    weight: 1,
    arbitrary: fc.tuple(node, kubelet, plain).map(([around, choice, put]) => {
      const pod = placePod(around, { ...choice, leaf: 'container' });
      return { ...pod, names: put(pod).names };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(plain, plain).map(([outer, inner]) => {
      const around = outer(NOWHERE);
      return { ...around, names: inner(around).names };
    }),
  },
);

/** What a payload makes below its own cgroup. */
const inside = fc.constantFrom(
  [],
  ['container'],
  ['init.scope'],
  ['system.slice', 'sshd.service'],
  ['user.slice', 'user-0.slice', 'session-1.scope'],
  ['kube-proxy'],
  ['ns'],
  ['syscont-cgroup-root', 'init.scope'],
);

const header = fc.oneof(
  fc.constantFrom('', '0::', '  0::'),
  fc
    .tuple(fc.integer({ min: 1, max: 14 }), fc.constantFrom('cpu,cpuacct', 'name=systemd', 'pids', 'misc'))
    .map(([n, c]) => `${n}:${c}:`),
);

function said(path: Expected): Expected {
  return { containerId: path.containerId, podUid: path.podUid, runtime: path.runtime, qos: path.qos };
}

function tagsOf({ podUid, containerId, qos }: Expected): string[] {
  return [
    podUid === null ? [] : [`k8s_pod:${podUid}`],
    containerId === null ? [] : [`container:${containerId.slice(0, 12)}`],
    qos === null ? [] : [qos === 'guaranteed' ? 'cgroup:kubepods' : `cgroup:kubepods-${qos}`],
  ].flat();
}

test('a path made by any mix of systems is read back', () => {
  fc.assert(
    fc.property(place, inside, header, fc.boolean(), fc.boolean(), (made, below, head, deleted, absolute) => {
      const path = `${absolute ? '/' : ''}${[...made.names, ...below].join('/')}`;
      const input = `${head}${path}${deleted ? ' (deleted)' : ''}`;
      const identity = parseCgroup(input);
      assert.deepEqual(said(identity), said(made), input);
      assert.deepEqual(said(parseCgroupPath(path)), said(made), path);
      if (!identity.claimed) assert.equal(identity.unit, null);
      assert.deepEqual(identity.tags, identity.claimed && made.podUid === null ? [] : tagsOf(made));
    }),
    { numRuns: 3_000 },
  );
});

test('seen from another cgroup namespace a pod keeps all that is left of its path', () => {
  fc.assert(
    fc.property(kubelet, fc.integer({ min: 1, max: 4 }), (choice, ups) => {
      const made = placePod(NOWHERE, { ...choice, root: null });
      const podAt = made.names.findIndex(
        (name) => name.includes(choice.uid) || name.includes(choice.uid.replaceAll('-', '_')),
      );
      const path = `0::/${'../'.repeat(ups)}${made.names.slice(podAt).join('/')}`;
      // With the cgroupfs driver the directory above the pod says the class.
      const qos = choice.driver === 'cgroupfs' ? null : made.qos;
      assert.deepEqual(said(parseCgroup(path)), { ...said(made), qos }, path);
    }),
  );
});

test('among lines that say nothing the one that does is found', () => {
  const silent = fc.constantFrom(
    '12:rdma:/',
    '0::/',
    '0::/system.slice/containerd.service',
    '11:files:/',
    '',
    'noise',
  );
  fc.assert(
    fc.property(place, fc.array(silent), fc.array(silent), (made, before, after) => {
      const input = [...before, `5:memory:/${made.names.join('/')}`, ...after].join('\n');
      assert.deepEqual(said(parseCgroup(input)), said(made), input);
    }),
  );
});

test('an id with a digit too many or too few is no container', () => {
  fc.assert(
    fc.property(
      hex(65),
      fc.constantFrom(63, 65),
      fc.constantFrom('docker/', 'libpod-', 'cri-containerd-', 'system.slice:crio:'),
      (digits, length, front) => {
        for (const suffix of ['', '.scope']) {
          assert.equal(parseCgroupPath(`/${front}${digits.slice(0, length)}${suffix}`).containerId, null);
        }
      },
    ),
  );
});

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    ':',
    '-',
    '.',
    '..',
    'pod',
    'kubepods',
    '-pod',
    '.slice',
    '.scope',
    '.mount',
    'machine-',
    'machine.slice',
    '\\x2d',
    '\\x',
    '0::',
    '\n',
    ' (deleted)',
    'lxc',
    'systemd-nspawn@',
    '.service',
    'ecs',
    'supervisor',
  ),
  containerId,
  podUid,
  fc.string({ unit: 'binary', maxLength: 6 }),
);

test('no input makes it throw, and the answer is always well formed', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
      ),
      (input) => {
        for (const identity of [parseCgroup(input), parseCgroupPath(input)]) {
          assert.ok(
            identity.podUid === null ||
              /^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(identity.podUid),
          );
          assert.ok(identity.containerId === null || identity.containerId.length > 0);
          if (identity.qos !== null) assert.notEqual(identity.podUid, null);
          if (identity.runtime !== null) assert.notEqual(identity.containerId, null);
          if (identity.unit !== null && !identity.claimed)
            assert.ok(identity.containerId === null && identity.podUid === null);
        }
      },
    ),
    { numRuns: 5_000 },
  );
});
