// A pod that comes again, with or without what another webhook took from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { aContainer, aPod, ASKS, SHAPES } from './pods.fixture.ts';
import { reviewPod, type TestReview } from './reviewer.fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: the pods here are JSON of any shape
type Json = Record<string, any>;

async function reviewed(pod: unknown, options: TestReview = {}): Promise<Json> {
  const { patch } = await reviewPod(pod, options);
  const after = structuredClone(pod) as Json;
  assert.ok(applyPatch(after, structuredClone(patch) as never).every((error) => error === null));
  return after;
}

const sidecarOf = ({ spec }: Json): Json =>
  [...(spec.initContainers ?? []), ...spec.containers].find(({ name }) => name === 'cognitod-sidecar');

test('a native sidecar whose restart policy is gone gets it back, and whoever made the pod is told', async () => {
  const pod = await reviewed(aPod({ initContainers: [aContainer('migrate')] }));
  for (const policy of [undefined, null, 'Never', 'OnFailure']) {
    const robbed = structuredClone(pod);
    robbed.spec.initContainers[0].restartPolicy = policy;
    if (policy === undefined) delete robbed.spec.initContainers[0].restartPolicy;
    const { result, patch, warnings } = await reviewPod(robbed);
    assert.equal(result, 'restored');
    assert.deepEqual(patch, [{ op: 'add', path: '/spec/initContainers/0/restartPolicy', value: 'Always' }]);
    assert.match(
      warnings[0]!,
      /got back what another webhook took: \/spec\/initContainers\/0\/restartPolicy$/,
    );
    assert.deepEqual(await reviewed(robbed), pod);
  }
});

test('each part that is taken from the pod is put back, once', async () => {
  const thefts: [what: string, (pod: Json) => void][] = [
    ['the shared process namespace', ({ spec }) => void delete spec.shareProcessNamespace],
    ['the annotation', ({ metadata }) => void delete metadata.annotations['sidecar.linnix.io/status']],
    ['the volume', ({ spec }) => void spec.volumes.pop()],
    ['all volumes', ({ spec }) => void delete spec.volumes],
    ...['args', 'env', 'imagePullPolicy', 'resources', 'volumeMounts'].map(
      (key): [string, (pod: Json) => void] => [key, (pod) => void delete sidecarOf(pod)[key]],
    ),
    ['one variable', (pod) => void sidecarOf(pod).env.splice(0, 1)],
    ['the limits', (pod) => void delete sidecarOf(pod).resources.limits],
    ['the user', (pod) => void delete sidecarOf(pod).securityContext.runAsUser],
    ['seccomp', (pod) => void delete sidecarOf(pod).securityContext.seccompProfile],
    ['the dropped capabilities', (pod) => void delete sidecarOf(pod).securityContext.capabilities.drop],
  ];
  for (const native of [true, false])
    for (const [what, take] of thefts) {
      const options = { rules: { native, ptrace: what !== 'the user' } };
      const pod = await reviewed(SHAPES.smallest, options);
      const robbed = structuredClone(pod);
      take(robbed);
      const back = await reviewed(robbed, options);
      // A list may have got its elements back in another order.
      const sorted = (value: Json) =>
        sidecarOf(value).env.sort((a: Json, b: Json) => (a.name < b.name ? -1 : 1));
      sorted(back);
      const expected = structuredClone(pod);
      sorted(expected);
      assert.deepEqual(back, expected, `${what}, ${native ? 'native' : 'plain'}`);
    }
});

test('a capability that is taken stays away, and what others changed or added stays', async () => {
  const pod = await reviewed(aPod());
  delete sidecarOf(pod).securityContext.capabilities.add;
  assert.equal((await reviewPod(pod)).result, 'already-injected');
  delete sidecarOf(pod).securityContext.capabilities;
  assert.deepEqual((await reviewed(pod)).spec.initContainers[0].securityContext.capabilities, {
    drop: ['ALL'],
  });
  delete sidecarOf(pod).securityContext;
  assert.deepEqual(sidecarOf(await reviewed(pod)).securityContext, {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsUser: 65_532,
    runAsGroup: 65_532,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  const changed = await reviewed(aPod());
  Object.assign(sidecarOf(changed), { image: 'mirror.example/cognitod:1', terminationMessagePath: '/dev/x' });
  sidecarOf(changed).resources.limits.cpu = '1';
  sidecarOf(changed).env.unshift({ name: 'HTTP_PROXY', value: 'http://proxy' });
  changed.spec.initContainers.unshift(aContainer('mesh-init'));
  assert.deepEqual(await reviewed(changed), changed);
});

test('what cannot be mended is told', async () => {
  const separate = await reviewed(aPod());
  separate.spec.shareProcessNamespace = false;
  const one = await reviewPod(separate);
  assert.deepEqual([one.result, one.patch], ['already-injected', []]);
  assert.match(one.warnings[0]!, /sees only itself/);
  const seeing = await reviewed(aPod());
  sidecarOf(seeing).volumeMounts[0].name = 'kube-api-access-x';
  const other = await reviewPod(seeing);
  assert.deepEqual([other.result, other.patch], ['already-injected', []]);
  assert.match(other.warnings[0]!, /token is mounted in the sidecar/);
});

test('a container of the same name that is not ours is left alone', async () => {
  const containers = [aContainer('web'), aContainer('cognitod-sidecar')];
  const { result, patch } = await reviewPod(aPod({ containers }));
  assert.deepEqual([result, patch], ['name-taken', []]);
});

/** A path to each member and element of a value. */
function pathsIn(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    pathsIn(item, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

test('asked again, whatever was taken in between, the answer settles: f(f(x)) = f(x)', async () => {
  const seen = { taken: 0, restored: 0 };
  const shapes = Object.values(SHAPES).filter(({ spec }) => (spec.containers as unknown[]).length < 50);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...shapes),
      fc.record({ native: fc.boolean(), ptrace: fc.boolean() }),
      fc.constantFrom(null, '1000920000/10000'),
      fc.array(fc.nat(), { maxLength: 6 }),
      async (shape, rules, uidRange, choices) => {
        const of = { known: true, facts: { inject: 'true', enforce: null, uidRange } } as const;
        const options = { rules, of };
        const once = await reviewed(shape, options);
        assert.deepEqual(await reviewed(once, options), once);
        const robbed = structuredClone(once);
        for (const choice of choices) {
          const paths = pathsIn(robbed).filter((path) => isOurs(robbed, path));
          const path = paths[choice % paths.length];
          if (path === undefined) continue;
          seen.taken++;
          const last = path.at(-1)!;
          const parent = path.slice(0, -1).reduce((value, key) => value[key], robbed);
          if (typeof last === 'number') parent.splice(last, 1);
          else delete parent[last];
        }
        const back = await reviewed(robbed, options);
        if (JSON.stringify(back) !== JSON.stringify(robbed)) seen.restored++;
        assert.deepEqual(await reviewed(back, options), back);
        const own = back.spec.initContainers?.find(({ name }: Json) => name === 'cognitod-sidecar');
        if (own !== undefined) assert.equal(own.restartPolicy, 'Always');
        const names = [...(back.spec.initContainers ?? []), ...back.spec.containers].map(({ name }) => name);
        assert.equal(names.filter((name) => name === 'cognitod-sidecar').length, 1);
      },
    ),
    { numRuns: 600, seed: 20_261_201 },
  );
  assert.ok(seen.taken > 500 && seen.restored > 300, JSON.stringify(seen));
});

/** Of what was injected; the name and image of a container make it a container. */
function isOurs({ spec }: Json, path: readonly (string | number)[]): boolean {
  const [root, list, index, key, inner] = path;
  if (root === 'metadata') return list === 'annotations' && index === 'sidecar.linnix.io/status';
  if (list === 'shareProcessNamespace') return true;
  if (typeof index !== 'number' || !Array.isArray(spec[list!])) return false;
  const item = spec[list!][index];
  if (list === 'volumes') return item?.name === 'cognitod-no-token' && key === undefined;
  if (item?.name !== 'cognitod-sidecar' || key === 'name' || key === 'image') return false;
  // An element that lost its name is no element of a pod any more.
  return !(typeof path[4] === 'number' && path.length > 5) || inner === undefined;
}

const WITHOUT = Object.fromEntries(Object.entries(ASKS).filter(() => false));

test('a pod that does not ask any more is left as it is', async () => {
  const pod = await reviewed(aPod());
  pod.metadata.annotations = { ...WITHOUT, 'sidecar.linnix.io/status': 'injected' };
  delete pod.spec.initContainers[0].restartPolicy;
  assert.equal((await reviewPod(pod)).result, 'not-asked');
});
