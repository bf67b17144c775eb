// The policies in CEL, evaluated over pods and users that must and must not pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import { cannotRunHelm } from '../../scripts/helm.ts';
import { find, type Manifest, renderSet } from './rendered.ts';

const skip = cannotRunHelm();

class Authorizer {
  readonly mayEscalate: boolean;

  constructor(mayEscalate: boolean) {
    this.mayEscalate = mayEscalate;
  }
}

/** The part of Kubernetes' authorizer that the policies use. */
const environment = new Environment({ unlistedVariablesAreDyn: true })
  .registerType('Authorizer', { ctor: Authorizer })
  .registerFunction('Authorizer.group(string): Authorizer', (authorizer: Authorizer, group: string) =>
    group === 'rbac.authorization.k8s.io' ? authorizer : new Authorizer(false),
  )
  .registerFunction('Authorizer.resource(string): Authorizer', (authorizer: Authorizer, resource: string) =>
    resource === 'clusterroles' ? authorizer : new Authorizer(false),
  )
  .registerFunction('Authorizer.check(string): Authorizer', (authorizer: Authorizer, verb: string) =>
    verb === 'escalate' ? authorizer : new Authorizer(false),
  )
  .registerFunction('Authorizer.allowed(): bool', (authorizer: Authorizer) => authorizer.mayEscalate);

/** The messages of the validations that fail. */
function refusals({ spec }: Manifest, input: Record<string, unknown>): string[] {
  const variables: Record<string, unknown> = {};
  for (const { name, expression } of spec.variables ?? [])
    variables[name] = environment.evaluate(expression, { ...input, variables });
  return spec.validations
    .filter(
      ({ expression }: { expression: string }) =>
        environment.evaluate(expression, { ...input, variables }) !== true,
    )
    .map(({ message }: { message: string }) => message);
}

const container = (add: string[], image = 'ghcr.io/linnix-os/cognitod:0.1.0') => ({
  name: 'c',
  image,
  securityContext: { capabilities: { drop: ['ALL'], add } },
});
const OWN = 'linnix-observability';

test('nobody but the service account and image of cognitod may have BPF', { skip }, () => {
  const policy = find(renderSet('b-strict'), 'ValidatingAdmissionPolicy', 'cognitod-capabilities');
  const judge = (namespace: string, spec: object) =>
    refusals(policy, { request: { namespace }, object: { spec } });

  const plain = { name: 'c', image: 'busybox' };
  assert.deepEqual(judge('default', { containers: [plain] }), []);
  assert.deepEqual(judge('default', { containers: [container(['NET_ADMIN', 'SYS_PTRACE'])] }), []);
  assert.deepEqual(judge('default', { containers: [{ ...plain, securityContext: {} }] }), []);

  const own = { serviceAccountName: 'cognitod', containers: [container(['BPF', 'PERFMON'])] };
  assert.deepEqual(judge(OWN, own), []);
  assert.deepEqual(
    judge('kube-system', { serviceAccountName: 'cilium', containers: [container(['BPF'], 'cilium:1')] }),
    [],
  );

  const account =
    'Only the service account linnix-observability/cognitod may run containers with BPF or PERFMON.';
  assert.deepEqual(judge('default', own), [account], 'the same name in another namespace');
  assert.deepEqual(judge(OWN, { containers: [container(['BPF'])] }), [account], 'another account there');
  for (const name of ['BPF', 'PERFMON', 'CAP_BPF', 'CAP_PERFMON', 'ALL', 'bpf'])
    assert.deepEqual(judge('default', { containers: [plain, container([name])] }), [account], name);
  for (const field of ['initContainers', 'ephemeralContainers'])
    assert.deepEqual(
      judge('default', { containers: [plain], [field]: [container(['BPF'])] }),
      [account],
      field,
    );

  for (const image of ['busybox', 'ghcr.io/linnix-os/cognitod-evil:1', 'x/ghcr.io/linnix-os/cognitod:1']) {
    const spec = { ...own, containers: [container(['BPF'], image)] };
    assert.match(judge(OWN, spec).join(), /only the image ghcr\.io\/linnix-os\/cognitod may/, image);
  }
});

test('the configuration is changed by the platform team and administrators only', { skip }, () => {
  const policy = find(renderSet('b-strict'), 'ValidatingAdmissionPolicy', 'cognitod-config');
  const judge = (groups: string[], mayEscalate = false) =>
    refusals(policy, { request: { userInfo: { groups } }, authorizer: new Authorizer(mayEscalate) });
  assert.deepEqual(judge(['system:authenticated', 'platform-team']), []);
  assert.deepEqual(judge(['system:masters']), []);
  assert.deepEqual(judge(['system:authenticated', 'administrators'], true), []);
  assert.deepEqual(judge(['system:serviceaccounts', 'system:serviceaccounts:kube-system']), []);
  assert.equal(judge(['system:authenticated', 'developers']).length, 1);
  assert.equal(judge(['system:serviceaccounts:linnix-observability']).length, 1);
});

test('the webhook is asked about every pod but those that opt out', { skip }, () => {
  const [{ matchConditions }] = find(renderSet('c-sidecar'), 'MutatingWebhookConfiguration').webhooks;
  const isAsked = (metadata: object) =>
    matchConditions.every(({ expression }: { expression: string }) =>
      environment.evaluate(expression, { object: { metadata } }),
    );
  const inject = (value: string) => ({ annotations: { 'sidecar.linnix.io/inject': value } });
  assert.deepEqual([{}, { annotations: {} }, inject('true'), inject('maybe')].map(isAsked), [
    true,
    true,
    true,
    true,
  ]);
  assert.equal(isAsked(inject('false')), false);
});

test('the policies are bound, and deny', { skip }, () => {
  const manifests = renderSet('b-strict');
  const bindings = manifests.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
  assert.deepEqual(
    bindings.map(({ spec }) => spec.policyName).sort(),
    manifests
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .map(({ metadata }) => metadata.name)
      .sort(),
  );
  for (const { spec } of bindings) assert.deepEqual(spec.validationActions, ['Deny']);
});
