import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { reviewPod } from './reviewer.fixture.ts';

/** Keys with the characters that JSON pointers treat apart. */
const text = fc.string({ maxLength: 12 });
const key = fc.oneof(
  text.filter((name) => name !== '__proto__'),
  fc.constantFrom('a/b', 'a~b', '~1', 'sidecar.linnix.io/status', 'sidecar.linnix.io/other'),
);
const quantity = fc.constantFrom('100m', '1', '64Mi', '1Gi');
const amounts = fc.dictionary(fc.constantFrom('cpu', 'memory', 'ephemeral-storage'), quantity);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** The other value is rare: few pods are left as they are. */
const mostly = (value: boolean) => fc.constantFrom(value, value, value, value, !value);
const json = fc.jsonValue({ maxDepth: 2 });

const container = fc.record(
  {
    name: fc.oneof(
      { weight: 40, arbitrary: text },
      { weight: 1, arbitrary: fc.constant('cognitod-sidecar') },
    ),
    image: text,
    ports: fc.array(fc.record({ containerPort: fc.constantFrom(80, 19_463, 19_464) }), { maxLength: 2 }),
    resources: fc.record({ limits: amounts, requests: amounts }, { requiredKeys: [] }),
    env: fc.array(fc.record({ name: text, value: text }), { maxLength: 3 }),
    command: fc.array(text, { maxLength: 2 }),
    livenessProbe: json,
    restartPolicy: fc.constant('Always'),
  },
  { requiredKeys: ['name'] },
);

const pod = fc.record({
  metadata: fc.record(
    {
      name: text,
      labels: fc.dictionary(key, text, { maxKeys: 3 }),
      annotations: fc.dictionary(key, text, { maxKeys: 3 }),
      finalizers: json,
    },
    { requiredKeys: [] },
  ),
  spec: fc.record(
    {
      containers: fc.array(container, { minLength: 1, maxLength: 4 }),
      initContainers: fc.array(container, { maxLength: 3 }),
      shareProcessNamespace: mostly(true),
      hostPID: mostly(false),
      hostNetwork: fc.boolean(),
      restartPolicy: fc.constantFrom('Always', 'Always', 'OnFailure', 'Never'),
      securityContext: fc.record({ runAsNonRoot: fc.boolean() }, { requiredKeys: [] }),
      volumes: fc.array(
        fc.record({
          name: fc.oneof(
            { weight: 20, arbitrary: text },
            { weight: 1, arbitrary: fc.constant('cognitod-no-token') },
          ),
          emptyDir: json,
        }),
        { maxLength: 3 },
      ),
      automountServiceAccountToken: fc.boolean(),
      affinity: json,
    },
    { requiredKeys: ['containers'] },
  ),
  status: maybe(json),
});

const asks = { known: true, facts: { inject: 'true', enforce: null, uidRange: null } } as const;
const PLAIN = (value: unknown) => JSON.parse(JSON.stringify(value));

test('removing what was injected gives the original, and what was there is never changed', async () => {
  const seen = { injected: 0, left: 0 };
  await fc.assert(
    fc.asyncProperty(pod, fc.boolean(), fc.boolean(), async (generated, native, ptrace) => {
      const original = PLAIN(generated);
      const { result, patch } = await reviewPod(original, { of: asks, rules: { native, ptrace } });
      if (result !== 'injected') {
        assert.deepEqual(patch, []);
        seen.left++;
        return;
      }
      seen.injected++;
      const changed = PLAIN(original);
      assert.ok(applyPatch(changed, PLAIN(patch)).every((error) => error === null));
      assert.notDeepEqual(changed, original);
      // By the patch: the added paths, backwards. A list's end is where the sidecar went.
      const undone = PLAIN(changed);
      const removals = patch.toReversed().map(({ path }) => {
        const last = undone.spec[path.split('/')[2]!]?.length - 1;
        return { op: 'remove', path: path.replace(/\/-$/, `/${last}`) };
      });
      // The annotation of an injection whose container is gone stood there before.
      const kept = removals.filter(
        ({ path }) =>
          !(path.endsWith('~1status') && 'sidecar.linnix.io/status' in (original.metadata.annotations ?? {})),
      );
      assert.ok(applyPatch(undone, kept as never).every((error) => error === null));
      if (kept.length < removals.length)
        undone.metadata.annotations['sidecar.linnix.io/status'] =
          original.metadata.annotations['sidecar.linnix.io/status'];
      assert.deepEqual(undone, original);
      // By hand, as a person would: the container, the volume, the annotation, the field.
      const hadVolume = (original.spec.volumes ?? []).some(
        ({ name }: { name: string }) => name === 'cognitod-no-token',
      );
      assert.deepEqual(bare(changed, !hadVolume), bare(original, !hadVolume));
    }),
    { numRuns: 1500 },
  );
  assert.ok(seen.injected > 300 && seen.left > 50, JSON.stringify(seen));
});

function bare(value: unknown, withoutVolume: boolean): object {
  const { metadata, spec, ...rest } = PLAIN(value);
  const others = (list: { name: string }[] = []) => list.filter(({ name }) => name !== 'cognitod-sidecar');
  const { 'sidecar.linnix.io/status': _status, ...annotations } = metadata.annotations ?? {};
  const { shareProcessNamespace: _shared, ...fields } = spec;
  const volumes = (spec.volumes ?? []).filter(
    ({ name }: { name: string }) => !withoutVolume || name !== 'cognitod-no-token',
  );
  return {
    ...rest,
    metadata: { ...metadata, annotations },
    spec: {
      ...fields,
      volumes,
      containers: others(spec.containers),
      initContainers: others(spec.initContainers),
    },
  };
}
