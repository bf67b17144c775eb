// Forged names: whatever directories somebody makes in a place of the own, nobody gets another's identity.
//
// testdata/redteam.jsonl has names as raw text with what the process really is; a third, chosen by the hash of the path, is in
// redteam-heldout.jsonl and was not looked at before the code was done.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { readableText } from '../decode/index.ts';
import { event, record, setUp } from './cgroup-registry.fixture.ts';
import { readCgroupPath } from './cgroup-path.ts';
import type { Identity } from './identity.ts';

interface Forged {
  readonly place: string;
  /** Null: nothing, the name is true. */
  readonly forges: string | null;
  readonly path: string;
  readonly pod_uid: string | null;
  readonly container_id: string | null;
  readonly unit: string | null;
}

const corpus = (name: string): Forged[] =>
  readFileSync(new URL(`testdata/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** What must be told; a container that is only claimed is marked, and then the place is what is sure. */
function check({ place, forges, path, pod_uid, container_id, unit }: Forged, identity: Identity): void {
  const what = `${forges} in ${place}: ${path}`;
  const told = identity.provenance === 'claimed' ? null : identity.containerId;
  assert.deepEqual(
    { pod_uid: identity.podUid, container_id: told, unit: identity.unit },
    { pod_uid, container_id, unit },
    what,
  );
  assert.equal(identity.cgroupPath, readableText(path), what);
  if (pod_uid !== null || container_id !== null) assert.equal(identity.provenance, 'kernel-cgroup', what);
  if (identity.provenance === 'claimed') assert.ok(identity.containerId !== null || identity.claim, what);
}

for (const [name, count] of [
  ['redteam', 480],
  ['redteam-heldout', 267],
] as const) {
  test(`every name of ${name} gives what the process really is`, () => {
    const samples = corpus(name);
    assert.equal(samples.length, count);
    for (const sample of samples) {
      const { registry } = setUp();
      registry.learn(record(1, sample.path));
      check(sample, registry.resolve(event(1)));
    }
  });

  test(`every name of ${name} that the kernel cut says so, and nothing else`, () => {
    for (const { path } of corpus(name)) {
      const names = path.split('/').filter((part) => part !== '');
      for (let from = 1; from < names.length; from++) {
        const { registry } = setUp();
        registry.learn(record(1, `/${names.slice(from).join('/')}`, 0, { truncated: true }));
        const { podUid, containerId, unit, tags, qos, provenance, truncated } = registry.resolve(event(1));
        assert.deepEqual(
          { podUid, containerId, unit, tags, qos, provenance, truncated },
          {
            podUid: null,
            containerId: null,
            unit: null,
            tags: [],
            qos: null,
            provenance: 'cgroup-unknown',
            truncated: true,
          },
          path,
        );
        assert.equal(registry.counts().truncated, 1);
      }
    }
  });
}

const places = [...new Map(corpus('redteam').map((sample) => [sample.place, sample])).values()].filter(
  ({ forges }) => forges !== null,
);
/** The place alone: the first names that all samples of it share. */
const placeOf = ({ place }: Forged) => {
  const [first, ...rest] = corpus('redteam').filter((sample) => sample.place === place);
  let end = first!.path.length;
  for (const { path } of rest) while (!path.startsWith(first!.path.slice(0, end))) end--;
  return first!.path.slice(0, first!.path.lastIndexOf('/', end));
};
const bases = places.map((sample) => ({ ...sample, path: placeOf(sample) }));

const VICTIM = { uid: '99999999-bbbb-4bbb-8bbb-999999999999', id: 'f9'.repeat(32) };
const word = fc.oneof(
  fc.constantFrom(
    'kubepods',
    'kubepods.slice',
    'burstable',
    'besteffort',
    'kubelet',
    'kubelet.slice',
    'kubelet-kubepods.slice',
    'system.slice',
    'machine.slice',
    'user.slice',
    'containerd.service',
    'k8s.io',
    'docker',
    'lxc',
    'ecs',
    'garden',
    'libpod_parent',
    'kata_overhead',
    'init.scope',
    'x.mount',
    'supervisor',
    'payload',
    'container',
    'victim.scope',
    `pod${VICTIM.uid}`,
    `kubepods-burstable-pod${VICTIM.uid.replaceAll('-', '_')}.slice`,
    `kubepods-pod${VICTIM.uid.replaceAll('-', '_')}.slice:crio:${VICTIM.id}`,
    `:cri-containerd:${VICTIM.id}`,
    VICTIM.id,
    `cri-containerd-${VICTIM.id}.scope`,
    `docker-${VICTIM.id}.scope`,
    `kata_${VICTIM.id}`,
    `libpod-payload-${VICTIM.id}`,
  ),
  // Any bytes that a directory may have.
  fc
    .uint8Array({ minLength: 1, maxLength: 255 })
    .map((bytes) =>
      Buffer.from(bytes.map((byte) => ([0, 10, 47].includes(byte) ? 95 : byte))).toString('latin1'),
    )
    .filter((name) => name !== '.' && name !== '..'),
);

test('no mix of names, known ones and any bytes, makes another pod or container of a place', () => {
  fc.assert(
    fc.property(fc.constantFrom(...bases), fc.array(word, { minLength: 1, maxLength: 60 }), (base, names) => {
      const { registry } = setUp();
      const path = `${base.path}/${names.join('/')}`;
      registry.learn(record(1, path));
      check({ ...base, path }, registry.resolve(event(1)));
    }),
    { numRuns: 5_000 },
  );
});

test('however a path is cut or put together, a pod is told only below a kubelet and never from raw bytes', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (names) => {
      const { identity, byName } = readCgroupPath(`/${names.join('/')}`);
      if (identity.podUid !== null) assert.ok(names.some((name) => name.includes('kubepods')));
      if (identity.podUid !== null || (identity.containerId !== null && !byName))
        assert.equal(identity.unit, null);
    }),
    {
      numRuns: 5_000,
      // What this has found: a container in a delegated directory of a pod was both believed and claimed.
      examples: [
        [
          [
            `kubepods-burstable-pod${VICTIM.uid.replaceAll('-', '_')}.slice`,
            'victim.scope',
            `kata_${VICTIM.id}`,
          ],
        ],
      ],
    },
  );
});
