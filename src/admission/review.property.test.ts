// Reviews with anything in them: refused in words, or answered with a patch that applies, and never with a denial.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { aPod, aReview } from './pods.fixture.ts';
import { parseReview } from './review.ts';
import { review } from './reviewer.ts';
import { readAnswer, SETTINGS } from './reviewer.fixture.ts';

const KEYS = [
  ...[
    'metadata',
    'annotations',
    'ownerReferences',
    'spec',
    'containers',
    'initContainers',
    'volumes',
    'name',
  ],
  ...['env', 'ports', 'containerPort', 'resources', 'limits', 'requests', 'cpu', 'memory', 'securityContext'],
  ...[
    'capabilities',
    'add',
    'runAsUser',
    'volumeMounts',
    'mountPath',
    'downwardAPI',
    'items',
    'restartPolicy',
  ],
  ...['shareProcessNamespace', 'hostPID', 'os', 'nodeSelector', 'sidecar.linnix.io/inject'],
  ...['sidecar.linnix.io/status', '__proto__', 'constructor', 'toString'],
];
const leaf = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom(
    'cognitod-sidecar',
    'cognitod-no-token',
    'injected',
    'true',
    'Always',
    '1Gi',
    '-1',
    0,
    null,
    1e300,
  ),
);
const odd = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.dictionary(fc.constantFrom(...KEYS), tie('any'), { maxKeys: 4 }),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
})).any;

/** A pod as it should be, with something odd somewhere in it. */
const mutated = fc
  .tuple(fc.array(fc.tuple(fc.nat(), fc.constantFrom(...KEYS), odd), { maxLength: 3 }), fc.boolean())
  .map(([changes, hasSidecar]) => {
    const sidecar = {
      name: 'cognitod-sidecar',
      image: 'x',
      env: [{ name: 'COGNITOD_COLLECTOR', value: 'procfs' }],
      securityContext: { capabilities: {} },
    };
    const pod = JSON.parse(JSON.stringify(aPod(hasSidecar ? { initContainers: [sidecar] } : {})));
    for (const [choice, key, value] of changes) {
      const objects = objectsIn(pod);
      // biome-ignore lint/suspicious/noExplicitAny: any object of the pod
      const target = objects[choice % objects.length] as any;
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return pod as unknown;
  });

function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

test('no review is denied, ends in an error, or gets a patch that does not apply, and a second one settles', async () => {
  const seen = new Map<string, number>();
  const asked = async (object: unknown, native: boolean) => {
    const parsed = parseReview(JSON.parse(JSON.stringify(aReview(object))));
    assert.ok(parsed.ok);
    const { result, answer } = await review(parsed.request, {
      rules: () => ({
        excludedNamespaces: new Set(),
        native,
        ptrace: true,
        podSecurityDefault: 'privileged',
      }),
      settings: SETTINGS,
      lookUp: () => ({ known: true, facts: { inject: 'true', enforce: null, uidRange: null } }),
    });
    seen.set(result, (seen.get(result) ?? 0) + 1);
    const { patch, warnings } = readAnswer(answer);
    assert.ok(warnings.every((text) => text.length <= 240));
    const after = JSON.parse(JSON.stringify(object));
    assert.ok(applyPatch(after, structuredClone(patch) as never).every((error) => error === null));
    return { patch, after };
  };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 4, arbitrary: mutated }, odd),
      fc.boolean(),
      async (object, native) => {
        const json = JSON.parse(JSON.stringify(object ?? null));
        const once = await asked(json, native);
        assert.deepEqual((await asked(once.after, native)).patch, []);
      },
    ),
    { numRuns: 2500, seed: 20_261_201 },
  );
  for (const result of ['injected', 'restored', 'already-injected', 'malformed-pod'])
    assert.ok((seen.get(result) ?? 0) > 50, JSON.stringify([...seen]));
});

test('what is no review is refused in words', () => {
  fc.assert(
    fc.property(
      odd,
      fc.constantFrom('request', 'kind', 'apiVersion'),
      fc.nat(),
      odd,
      (any, key, choice, value) => {
        const parsed = parseReview(any);
        if (!parsed.ok) assert.match(parsed.problem, /^the body is no AdmissionReview/);
        const good = JSON.parse(
          JSON.stringify({ ...aReview(aPod()), ...(choice % 2 ? { [key]: value } : {}) }),
        );
        Object.assign(good.request ?? {}, choice % 3 ? { uid: value } : { kind: value });
        const again = parseReview(good);
        if (!again.ok) assert.match(again.problem, /^the body is no AdmissionReview/);
      },
    ),
    { numRuns: 1000, seed: 20_261_201 },
  );
});
