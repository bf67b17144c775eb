import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPatch } from 'rfc6902';
import { aContainer, aPod, ASKS, REFUSED, SHAPES } from './pods.fixture.ts';
import { reviewPod } from './reviewer.fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: the pods here are JSON of any shape
type Json = Record<string, any>;

/** The pod after its patch. */
async function injected(pod: unknown, options: Parameters<typeof reviewPod>[1] = {}): Promise<Json> {
  const { patch } = await reviewPod(pod, options);
  const result = structuredClone(pod) as Json;
  assert.ok(applyPatch(result, patch as never).every((error) => error === null));
  return result;
}

const sidecarOf = ({ spec }: Json): Json =>
  [...(spec.initContainers ?? []), ...spec.containers].find(({ name }) => name === 'cognitod-sidecar');

for (const native of [true, false])
  test(`a pod of any shape that asks gets one ${native ? 'native' : 'plain'} sidecar and a shared process namespace`, async () => {
    for (const [shape, pod] of Object.entries(SHAPES)) {
      const after = await injected(pod, { rules: { native } });
      const { spec } = after;
      assert.equal(spec.shareProcessNamespace, true, shape);
      const [init, containers] = [spec.initContainers ?? [], spec.containers];
      if (native) {
        assert.equal(init[0].name, 'cognitod-sidecar', shape);
        assert.equal(init[0].restartPolicy, 'Always');
        assert.deepEqual(init.slice(1), pod.spec.initContainers ?? [], shape);
        assert.deepEqual(containers, pod.spec.containers, shape);
      } else {
        assert.equal(containers.at(-1).name, 'cognitod-sidecar', shape);
        assert.equal('restartPolicy' in containers.at(-1), false);
        assert.deepEqual(containers.slice(0, -1), pod.spec.containers, shape);
        assert.deepEqual(init, pod.spec.initContainers ?? [], shape);
      }
      const again = await reviewPod(after, { rules: { native } });
      assert.deepEqual([again.result, again.patch, again.warnings], ['already-injected', [], []], shape);
    }
  });

test('a pod that cannot have the sidecar is allowed as it is, with a warning that says why', async () => {
  for (const [shape, pod] of Object.entries(REFUSED)) {
    const { result, patch, warnings } = await reviewPod(pod);
    assert.equal(result, shape.split(' ')[0]);
    assert.deepEqual(patch, [], shape);
    const isSilent = /^(opted-out|static-pod)/.test(shape);
    assert.equal(warnings.length, isSilent ? 0 : 1, shape);
    if (!isSilent) assert.match(warnings[0]!, /^cognitod: no sidecar: /);
  }
});

test('the sidecar drops every capability but SYS_PTRACE and can gain none', async () => {
  const { securityContext, env, args } = sidecarOf(await injected(aPod()));
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsUser: 0,
    runAsGroup: 0,
    runAsNonRoot: false,
    capabilities: { drop: ['ALL'], add: ['SYS_PTRACE'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  assert.deepEqual(args, ['agent']);
  const values = Object.fromEntries(
    env.map((entry: Json) => [entry.name, entry.value ?? entry.valueFrom.fieldRef.fieldPath]),
  );
  assert.equal(values.COGNITOD_COLLECTOR, 'procfs');
  assert.equal(values.COGNITOD_PRIVILEGES_KEEP, 'SYS_PTRACE');
  assert.equal(values.COGNITOD_NODE_NAME, 'spec.nodeName');
  assert.equal(values.COGNITOD_POD_NAME, 'metadata.name');
  assert.equal(values.COGNITOD_POD_NAMESPACE, 'metadata.namespace');
  assert.equal(values.COGNITOD_POD_UID, 'metadata.uid');
});

test('SYS_PTRACE is left out where it would get the pod refused or go against the pod, and the answer says so', async () => {
  const facts = { inject: null, enforce: 'baseline', uidRange: null };
  const cases: [unknown, Parameters<typeof reviewPod>[1], RegExp][] = [
    [aPod(), { of: { known: true, facts } }, /Pod Security baseline/],
    [aPod(), { of: { known: false, reason: 'forbidden' } }, /cannot be read: forbidden/],
    [aPod({ securityContext: { runAsNonRoot: true } }), {}, /runAsNonRoot/],
    [aPod(), { rules: { ptrace: false } }, /^$/],
  ];
  for (const [pod, options, why] of cases) {
    const { warnings } = await reviewPod(pod, options);
    assert.match(warnings[0] ?? '', why);
    const { securityContext, env } = sidecarOf(await injected(pod, options));
    assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] });
    // Where the namespace is unknown it could be one of OpenShift: the image's user is 65532 anyway.
    const user = options?.of?.known === false ? undefined : 65_532;
    assert.deepEqual([securityContext.runAsUser, securityContext.runAsNonRoot], [user, true]);
    assert.ok(!JSON.stringify(env).includes('SYS_PTRACE'));
  }
  const privileged = { known: true, facts: { inject: null, enforce: 'privileged', uidRange: null } } as const;
  assert.deepEqual((await reviewPod(aPod(), { of: privileged })).warnings, []);
});

test('in a namespace of OpenShift the sidecar has no user of its own and no capability, and the answer says so', async () => {
  const facts = { inject: null, enforce: null, uidRange: '1000920000/10000' };
  const of = { known: true, facts } as const;
  const { warnings } = await reviewPod(aPod(), { of });
  assert.match(warnings[0]!, /without SYS_PTRACE .*range of user ids \(OpenShift\)/);
  const { securityContext } = sidecarOf(await injected(aPod(), { of }));
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
  // As root by the word of the pod the sidecar would not start.
  const root = sidecarOf(await injected(aPod({ securityContext: { runAsUser: 0 } }), { of }));
  assert.equal(root.securityContext.runAsUser, 65_532);
  assert.deepEqual((await reviewPod(aPod(), { of, rules: { ptrace: false } })).warnings, []);
});

test('a cluster that enforces Pod Security without a label is as one with it, and a label counts more', async () => {
  const added = async (enforce: string | null, podSecurityDefault: string) => {
    const of = { known: true, facts: { inject: null, enforce, uidRange: null } } as const;
    const options = { of, rules: { podSecurityDefault } };
    const { warnings } = await reviewPod(aPod(), options);
    const { capabilities } = sidecarOf(await injected(aPod(), options)).securityContext;
    return [capabilities.add ?? [], warnings.length];
  };
  for (const level of ['baseline', 'restricted']) {
    assert.deepEqual(await added(null, level), [[], 1]);
    assert.deepEqual(await added('privileged', level), [['SYS_PTRACE'], 0]);
    assert.deepEqual(await added(level, 'privileged'), [[], 1]);
  }
  assert.deepEqual(await added(null, 'privileged'), [['SYS_PTRACE'], 0]);
});

test('a guaranteed pod stays guaranteed, and a pod with a bound for all of it keeps that one alone', async () => {
  const guaranteed = sidecarOf(await injected(SHAPES.guaranteed));
  assert.deepEqual(guaranteed.resources.requests, guaranteed.resources.limits);
  const isGuaranteed = async (...resources: object[]) => {
    const containers = resources.map((one, index) => aContainer(`c${index}`, { resources: one }));
    const sidecar = sidecarOf(await injected(aPod({ containers })));
    return sidecar.resources.requests.cpu === '200m';
  };
  const limits = { cpu: '1', memory: '1073741824' };
  assert.equal(await isGuaranteed({ requests: { cpu: '1000m', memory: '1Gi' }, limits }), true);
  assert.equal(await isGuaranteed({ requests: { cpu: 1, memory: 1073741824 }, limits }), true);
  assert.equal(await isGuaranteed({ limits: { cpu: '0.5', memory: '1e9' } }), true);
  assert.equal(await isGuaranteed({ requests: { cpu: '1', memory: '1G' }, limits }), false);
  assert.equal(await isGuaranteed({ limits: { cpu: '1' } }), false);
  // Limits of nothing are none.
  assert.equal(await isGuaranteed({ limits: { cpu: '0', memory: '0' } }), false);
  assert.equal(await isGuaranteed({ limits: { cpu: '1', memory: '0Gi' } }), false);
  // Of all containers together.
  const [small, large] = [
    { cpu: '1', memory: '1Gi' },
    { cpu: '2', memory: '2Gi' },
  ];
  assert.equal(
    await isGuaranteed({ requests: small, limits: large }, { requests: large, limits: small }),
    true,
  );
  assert.equal(
    await isGuaranteed({ limits: large }, { requests: { cpu: '0', memory: '0' }, limits: small }),
    false,
  );
  assert.equal(await isGuaranteed({ limits: large }, {}), false);
  assert.equal(await isGuaranteed({ limits: { cpu: 'much', memory: '1Gi' } }), false);
  const burstable = sidecarOf(await injected(aPod()));
  assert.deepEqual(burstable.resources, {
    requests: { cpu: '20m', memory: '96Mi' },
    limits: { cpu: '200m', memory: '192Mi' },
  });
  assert.equal('resources' in sidecarOf(await injected(SHAPES['with a bound for all of it'])), false);
});

test('the sidecar has an empty volume in place of the token of the application', async () => {
  const path = '/var/run/secrets/kubernetes.io/serviceaccount';
  const pod = await injected(aPod());
  const mounts = sidecarOf(pod).volumeMounts;
  assert.deepEqual(mounts, [{ name: 'cognitod-no-token', mountPath: path, readOnly: true }]);
  assert.deepEqual(pod.spec.volumes.slice(0, -1), aPod().spec.volumes);
  assert.deepEqual(pod.spec.volumes.at(-1), { name: 'cognitod-no-token', downwardAPI: { items: [] } });
  const bare = await injected(SHAPES.smallest);
  assert.deepEqual(bare.spec.volumes, [{ name: 'cognitod-no-token', downwardAPI: { items: [] } }]);

  const without = await injected(SHAPES['without a token']);
  assert.equal('volumeMounts' in sidecarOf(without), false);
  assert.deepEqual(without.spec.volumes, aPod().spec.volumes);
  const volumes = [{ name: 'cognitod-no-token', hostPath: { path: '/' } }];
  const taken = await injected(aPod({ volumes }));
  assert.equal('volumeMounts' in sidecarOf(taken), false, 'a volume of somebody else is not mounted');
  assert.deepEqual(taken.spec.volumes, volumes);
});

test('metrics are on loopback unless the pod says otherwise, and only where the port is free', async () => {
  const annotations = { ...ASKS, 'sidecar.linnix.io/metrics': 'true' };
  const listens = ({ env }: Json) => env.find(({ name }: Json) => name === 'COGNITOD_OPS_LISTEN').value;
  const asked = sidecarOf(await injected(aPod({}, { annotations })));
  assert.equal(listens(asked), '0.0.0.0:19464');
  assert.deepEqual(asked.ports, [{ name: 'cognitod-ops', containerPort: 19_464, protocol: 'TCP' }]);
  const taken = [aContainer('web', { ports: [{ containerPort: 19_464 }] })];
  const silent: [unknown, string][] = [
    [aPod(), '127.0.0.1:19464'],
    [aPod({}, { annotations: { ...annotations, 'sidecar.linnix.io/metrics': 'yes' } }), '127.0.0.1:19464'],
    [aPod({ hostNetwork: true }, { annotations }), '127.0.0.1:0'],
    [aPod({ containers: taken }, { annotations }), '127.0.0.1:0'],
  ];
  for (const [pod, address] of silent) {
    const sidecar = sidecarOf(await injected(pod));
    assert.equal(listens(sidecar), address);
    assert.equal('ports' in sidecar, false);
  }
});

test('the sidecar takes no port that the pod or another pod of the node could need', async () => {
  const listens = async (shape: string) =>
    sidecarOf(await injected(SHAPES[shape]))
      .env.filter(({ name }: Json) => name.endsWith('_LISTEN'))
      .map(({ value }: Json) => value);
  assert.deepEqual(await listens('of a Deployment'), ['127.0.0.1:19463', '127.0.0.1:19464']);
  assert.deepEqual(await listens('with the port of the sidecar'), ['127.0.0.1:0', '127.0.0.1:19464']);
  assert.deepEqual(await listens('on the network of the host'), ['127.0.0.1:0', '127.0.0.1:0']);
});

test('the namespace asks for its pods, and a pod opts out', async () => {
  const asks = { known: true, facts: { inject: 'true', enforce: null, uidRange: null } } as const;
  const result = async (annotations: object | undefined, of?: typeof asks) =>
    (await reviewPod(aPod({}, { annotations }), of === undefined ? {} : { of })).result;
  assert.equal(await result(undefined), 'not-asked');
  assert.equal(await result({}), 'not-asked');
  assert.equal(await result(undefined, asks), 'injected');
  assert.equal(await result({ 'sidecar.linnix.io/inject': 'false' }, asks), 'opted-out');
  assert.equal(await result(ASKS), 'injected');
});

test('when the namespace cannot be read the annotation of the pod counts, and nobody else is warned', async () => {
  const of = { known: false, reason: 'the API is away' } as const;
  assert.equal((await reviewPod(aPod(), { of })).result, 'injected');
  const other = await reviewPod(aPod({}, { annotations: {} }), { of });
  assert.deepEqual([other.result, other.warnings], ['not-asked', []]);
});

test('a plain container is not added to a pod that has to complete', async () => {
  for (const restartPolicy of ['Never', 'OnFailure']) {
    const { result, warnings } = await reviewPod(aPod({ restartPolicy }), { rules: { native: false } });
    assert.equal(result, 'would-not-complete');
    assert.match(warnings[0]!, /never complete/);
    assert.equal((await reviewPod(aPod({ restartPolicy }))).result, 'injected');
  }
});

test('only the creation of pods outside excluded namespaces is looked at', async () => {
  const pod = aPod();
  assert.equal((await reviewPod(pod, { namespace: 'kube-system' })).result, 'excluded-namespace');
  assert.equal((await reviewPod(pod, { operation: 'UPDATE' })).result, 'no-pod-creation');
  assert.equal((await reviewPod(pod, { subResource: 'ephemeralcontainers' })).result, 'no-pod-creation');
  assert.equal((await reviewPod(null, { namespace: 'kube-system' })).result, 'excluded-namespace');
});

test('a dry run is answered as any other', async () => {
  const [dry, wet] = [await reviewPod(aPod(), { dryRun: true }), await reviewPod(aPod())];
  assert.deepEqual(dry, wet);
});

test('what is no pod is allowed unchanged, with a warning', async () => {
  const malformed: unknown[] = [
    null,
    'pod',
    [],
    {},
    { metadata: {} },
    { metadata: {}, spec: {} },
    { metadata: {}, spec: { containers: [] } },
    { metadata: {}, spec: { containers: [{}] } },
    { metadata: { annotations: 'a' }, spec: { containers: [aContainer('a')] } },
    { metadata: { annotations: { a: 1 } }, spec: { containers: [aContainer('a')] } },
    { metadata: {}, spec: { containers: {}, initContainers: 7 } },
  ];
  for (const object of malformed) {
    const { result, patch, warnings } = await reviewPod(object);
    assert.deepEqual([result, patch], ['malformed-pod', []], JSON.stringify(object));
    assert.match(warnings[0]!, /^cognitod: no sidecar: this is no pod/);
  }
});

test('warnings are short enough for the API server', async () => {
  const of = { known: false, reason: 'x'.repeat(5000) } as const;
  const { warnings } = await reviewPod(aPod(), { of });
  assert.ok(warnings[0]!.length <= 240);
});
