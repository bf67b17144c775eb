// What the cluster says about the agent, from an API made by hand, faults included.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { KUBE_TIMES } from '../identity/index.ts';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { readClusterPolicies } from './cluster-policies.ts';

const TIMES = { ...KUBE_TIMES, connectMs: 2_000, answerIdleMs: 500 };
const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
const POLICIES = '/apis/networking.k8s.io/v1/namespaces/linnix/networkpolicies';
const ROLES = '/apis/rbac.authorization.k8s.io/v1/namespaces/linnix/roles';
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/namespaces/linnix/rolebindings';
const CLUSTER_ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/cognitod';
const CLUSTER_BINDING = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cognitod';

type Handler = (response: ServerResponse) => void;
const json =
  (document: unknown, status = 200): Handler =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof document === 'string' ? document : JSON.stringify(document));
  };
const list = (...items: object[]) => json({ items });
const named = (name: string, said: object) => ({
  metadata: { name, namespace: 'linnix', resourceVersion: String(Math.random()) },
  ...said,
});

const WHOLE: Readonly<Record<string, Handler>> = {
  [REVIEW]: json(
    {
      status: {
        incomplete: false,
        resourceRules: [
          { verbs: ['watch', 'list'], apiGroups: [''], resources: ['pods'] },
          { verbs: ['get'], apiGroups: ['apps', 'batch'], resources: ['jobs'], resourceNames: ['b', 'a'] },
        ],
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
      },
    },
    201,
  ),
  [POLICIES]: list(named('api', { spec: { podSelector: {} }, status: { changes: 'by itself' } })),
  [ROLES]: list(),
  [BINDINGS]: list(named('b', { roleRef: { name: 'r' }, subjects: [{ name: 's' }] })),
  [CLUSTER_ROLE]: json({ metadata: { name: 'cognitod' }, rules: [{ verbs: ['list'] }] }),
  [CLUSTER_BINDING]: json({ metadata: { name: 'cognitod' }, roleRef: { name: 'cognitod' } }),
};

async function read(t: TestContext, handlers: Readonly<Record<string, Handler>>, objects = true) {
  const fake = await new FakeKube().listen();
  t.after(() => fake.stop());
  fake.others = (request, response, url) => {
    request.resume();
    const handler = handlers[url.pathname];
    handler?.(response);
    return handler !== undefined;
  };
  return readClusterPolicies({
    target: fake.target(),
    times: TIMES,
    namespace: 'linnix',
    objects,
    clusterRoles: ['cognitod'],
  });
}

test('rights and policies are told in an order that does not change, without what changes by itself', async (t) => {
  const policies = await read(t, WHOLE);
  assert.deepEqual([policies.state, policies.reasons], ['read', []]);
  assert.deepEqual(policies.rights, ['get /healthz', 'get jobs.apps,jobs.batch [a,b]', 'list,watch pods']);
  assert.deepEqual(
    policies.objects.map(({ kind, namespace, name, content }) => [kind, namespace, name, content]),
    [
      ['ClusterRole', null, 'cognitod', '{"rules":[{"verbs":["list"]}]}'],
      ['ClusterRoleBinding', null, 'cognitod', '{"roleRef":{"name":"cognitod"}}'],
      ['NetworkPolicy', 'linnix', 'api', '{"spec":{"podSelector":{}}}'],
      ['RoleBinding', 'linnix', 'b', '{"roleRef":{"name":"r"},"subjects":[{"name":"s"}]}'],
    ],
  );
  assert.deepEqual(await read(t, WHOLE), policies, 'the same again, with other versions of the objects');
  const changed = { ...WHOLE, [POLICIES]: list(named('api', { spec: { podSelector: { a: 1 } } })) };
  assert.notEqual((await read(t, changed)).objects[2]!.sha256, policies.objects[2]!.sha256);
});

test('without the configuration only the rights are read, which needs none', async (t) => {
  const policies = await read(t, { [REVIEW]: WHOLE[REVIEW]! }, false);
  assert.equal(policies.state, 'partly');
  assert.equal(policies.rights.length, 3);
  assert.deepEqual(policies.reasons, ['roles and network policies: evidence.cluster_policies is false']);
});

test('each thing that cannot be read is told with its reason, and the rest is there', async (t) => {
  const policies = await read(t, {
    ...WHOLE,
    [POLICIES]: json({}, 403),
    [ROLES]: json('<html>', 200),
    [BINDINGS]: (response) => void response.socket?.destroy(),
    [CLUSTER_ROLE]: json({}, 404),
    [CLUSTER_BINDING]: () => {},
  });
  assert.equal(policies.state, 'partly');
  assert.equal(policies.objects.length, 0);
  assert.deepEqual(
    policies.reasons.map((reason) => reason.slice(0, reason.indexOf(': '))),
    [POLICIES, ROLES, BINDINGS, CLUSTER_ROLE, CLUSTER_BINDING],
  );
  assert.match(policies.reasons[0]!, /may not read/);
  assert.match(policies.reasons[1]!, /not JSON/);
  assert.match(policies.reasons[3]!, /there is none/);
});

test('rights that are incomplete or not told are said to be', async (t) => {
  const incomplete = json(
    { status: { incomplete: true, evaluationError: 'a webhook', resourceRules: [] } },
    201,
  );
  assert.deepEqual((await read(t, { ...WHOLE, [REVIEW]: incomplete })).reasons, [
    'rights: incomplete, a webhook',
  ]);
  const refused = await read(t, { ...WHOLE, [REVIEW]: json({}, 500) });
  assert.deepEqual([refused.state, refused.reasons], ['not-read', ['rights: the API answers 500']]);
  const rubbish = json({ status: { resourceRules: [null, 7, { verbs: 'x', resources: [1, 'pods'] }] } }, 201);
  assert.deepEqual((await read(t, { ...WHOLE, [REVIEW]: rubbish })).rights, [' ', ' pods']);
});

test('what is long is known by its hash, and there is a bound on how much', async (t) => {
  const many = Array.from({ length: 300 }, (_, index) =>
    named(`p${index}`, { spec: { a: 'x'.repeat(index === 7 ? 9000 : 1) } }),
  );
  const policies = await read(t, { ...WHOLE, [POLICIES]: list(...many) });
  assert.equal(policies.objects.length, 200);
  assert.match(policies.reasons[0]!, /only 200 of 303/);
  const long = await read(t, { ...WHOLE, [POLICIES]: list(many[7]!) });
  assert.equal(long.objects.find(({ kind }) => kind === 'NetworkPolicy')!.content, null);
});
