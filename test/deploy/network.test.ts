// Who may reach whom, by the rules of NetworkPolicy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotRunHelm } from '../../scripts/helm.ts';
import { type Labels, type Manifest, podTemplate, render, renderSet } from './rendered.ts';

const skip = cannotRunHelm();
const OWN = 'linnix-observability';

interface Pod {
  readonly namespace: string;
  readonly labels: Labels;
}

/** matchLabels alone: the chart's own rules have nothing else. */
const selects = (selector: Manifest | undefined, labels: Labels) =>
  Object.entries((selector?.matchLabels ?? {}) as Labels).every(([key, value]) => labels[key] === value);

const namespaceLabels = (namespace: string): Labels => ({ 'kubernetes.io/metadata.name': namespace });

function matchesPeer(peer: Manifest, pod: Pod, policyNamespace: string): boolean {
  if (peer.ipBlock !== undefined) return false;
  const inNamespace =
    peer.namespaceSelector === undefined
      ? pod.namespace === policyNamespace
      : selects(peer.namespaceSelector, namespaceLabels(pod.namespace));
  return inNamespace && selects(peer.podSelector, pod.labels);
}

/** As https://kubernetes.io/docs/concepts/services-networking/network-policies/ says: policies only add up. */
function allowed(policies: Manifest[], from: Pod, to: Pod, port: number): boolean {
  const side = (subject: Pod, other: Pod, type: 'Ingress' | 'Egress') => {
    const [rules, peers] = type === 'Ingress' ? (['ingress', 'from'] as const) : (['egress', 'to'] as const);
    const ruling = policies.filter(
      ({ metadata, spec }) =>
        metadata.namespace === subject.namespace &&
        selects(spec.podSelector, subject.labels) &&
        spec.policyTypes.includes(type),
    );
    if (ruling.length === 0) return true;
    return ruling.some(({ metadata, spec }) =>
      (spec[rules] ?? []).some(
        (rule: Manifest) =>
          (rule[peers] === undefined ||
            rule[peers].some((peer: Manifest) => matchesPeer(peer, other, metadata.namespace!))) &&
          (rule.ports === undefined || rule.ports.some((one: { port: number }) => one.port === port)),
      ),
    );
  };
  return side(from, to, 'Egress') && side(to, from, 'Ingress');
}

const policiesOf = (manifests: Manifest[]) => manifests.filter(({ kind }) => kind === 'NetworkPolicy');
const agentOf = (manifests: Manifest[]): Pod => ({
  namespace: OWN,
  labels: podTemplate(manifests).metadata.labels!,
});
const llm: Pod = { namespace: OWN, labels: { 'app.kubernetes.io/name': 'linnix-llm' } };
const neighbour: Pod = { namespace: OWN, labels: { app: 'other' } };
const stranger: Pod = { namespace: 'default', labels: { 'app.kubernetes.io/name': 'cognitod' } };
const prometheus: Pod = { namespace: 'monitoring', labels: { app: 'prometheus' } };

test("the service that explains is reached by cognitod's pods alone, and reaches nothing", { skip }, () => {
  const manifests = renderSet('b-nonroot');
  const policies = policiesOf(manifests);
  const agent = agentOf(manifests);
  assert.ok(allowed(policies, agent, llm, 8090));
  assert.ok(!allowed(policies, agent, llm, 22));
  for (const other of [neighbour, stranger, prometheus]) assert.ok(!allowed(policies, other, llm, 8090));
  for (const other of [neighbour, stranger, agent]) assert.ok(!allowed(policies, llm, other, 443));
});

test('metrics are read by who is named; the API by nobody, unless it is exposed and somebody named', {
  skip,
}, () => {
  const manifests = renderSet('b-nonroot');
  const [policies, agent] = [policiesOf(manifests), agentOf(manifests)];
  assert.ok(allowed(policies, prometheus, agent, 9464));
  for (const other of [neighbour, stranger, llm]) assert.ok(!allowed(policies, other, agent, 9464));
  for (const other of [neighbour, stranger, prometheus]) assert.ok(!allowed(policies, other, agent, 3000));

  const exposed = renderSet('a-everything');
  const reasoner: Pod = { namespace: OWN, labels: { 'app.kubernetes.io/name': 'linnix-reasoner' } };
  assert.ok(allowed(policiesOf(exposed), reasoner, agentOf(exposed), 3000));
  assert.ok(!allowed(policiesOf(exposed), neighbour, agentOf(exposed), 3000));
  const nobody = render({ set: ['api.expose=true'] });
  assert.ok(!allowed(policiesOf(nobody), neighbour, agentOf(nobody), 3000));
});

test('the agent goes to DNS, the Kubernetes API and the service that explains, and nowhere else', {
  skip,
}, () => {
  const manifests = renderSet('b-strict');
  const [policies, agent] = [policiesOf(manifests), agentOf(manifests)];
  const dns: Pod = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
  assert.ok(allowed(policies, agent, dns, 53));
  for (const other of [neighbour, stranger, prometheus, { ...dns, namespace: 'default' }])
    for (const port of [53, 80, 443, 8090]) assert.ok(!allowed(policies, agent, other, port));
  const blocks = policies
    .flatMap(({ spec }) => spec.egress)
    .filter((rule: Manifest) => rule.to.some((peer: Manifest) => peer.ipBlock !== undefined));
  assert.deepEqual(blocks, [
    {
      to: [{ ipBlock: { cidr: '10.96.0.1/32' } }, { ipBlock: { cidr: '192.0.2.10/32' } }],
      ports: [
        { protocol: 'TCP', port: 443 },
        { protocol: 'TCP', port: 6443 },
      ],
    },
  ]);
});

test('the webhook is reached on its own port alone', { skip }, () => {
  const manifests = renderSet('c-sidecar');
  const [policies, webhook] = [policiesOf(manifests), agentOf(manifests)];
  assert.ok(allowed(policies, stranger, webhook, 8443));
  assert.ok(!allowed(policies, stranger, webhook, 9464));
  assert.ok(!allowed(policies, webhook, stranger, 80));
});
