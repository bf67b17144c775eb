// What the cluster itself says about this agent: what its account may do, and the roles, bindings and network policies
// around it.
//
// Rights are asked for with a SelfSubjectRulesReview, which every account may make. Objects are read only where that is
// configured, because it takes rights of its own (docs/evidence.md).
import { createHash } from 'node:crypto';
import type { EvidenceContent } from '../api/index.ts';
import {
  type Fields,
  fieldsOf,
  KubeClient,
  type KubeTarget,
  type KubeTimes,
  listOf,
  parseFields,
  textOf,
} from '../identity/index.ts';
import { lineOf } from '../lib/hash-chain.ts';

export type ClusterPolicies = EvidenceContent['cluster'];

export interface ClusterPolicyOptions {
  readonly target: KubeTarget;
  readonly times: Required<KubeTimes>;
  /** Where the agent runs. */
  readonly namespace: string;
  /** Whether roles, bindings and network policies are read too. */
  readonly objects: boolean;
  /** Names of cluster roles and of their bindings to read. */
  readonly clusterRoles: readonly string[];
}

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
/** The content of larger objects is known by its hash only. */
const MAX_CONTENT_CHARS = 8192;
const MAX_OBJECTS = 200;
const MAX_RULES = 500;

export const notRead = (reason: string): ClusterPolicies => ({
  state: 'not-read',
  reasons: [reason],
  rights: [],
  objects: [],
});

/** Never rejects: what could not be read is told in `reasons`. */
export async function readClusterPolicies(options: ClusterPolicyOptions): Promise<ClusterPolicies> {
  const client = new KubeClient(options.target, options.times, () => {});
  const reasons: string[] = [];
  const attempt = async <T>(what: string, read: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      reasons.push(`${what}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  try {
    const rights = await attempt('rights', () => readRights(client, options.namespace, reasons), null);
    const objects: ClusterPolicies['objects'] = [];
    if (!options.objects) reasons.push('roles and network policies: evidence.cluster_policies is false');
    else
      for (const [kind, path] of pathsOf(options))
        objects.push(...(await attempt(path, () => readObjects(client, kind, path), [])));
    objects.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    if (objects.length > MAX_OBJECTS)
      reasons.push(`only ${MAX_OBJECTS} of ${objects.length} objects are recorded`);
    const state = rights === null ? 'not-read' : reasons.length === 0 ? 'read' : 'partly';
    return { state, reasons, rights: rights ?? [], objects: objects.slice(0, MAX_OBJECTS) };
  } finally {
    client.close();
  }
}

/** A kind and where its objects are; a list, or one object. */
function pathsOf({ namespace, clusterRoles }: ClusterPolicyOptions): [kind: string, path: string][] {
  const here = `namespaces/${encodeURIComponent(namespace)}`;
  return [
    ['NetworkPolicy', `/apis/networking.k8s.io/v1/${here}/networkpolicies`],
    ['Role', `${RBAC}/${here}/roles`],
    ['RoleBinding', `${RBAC}/${here}/rolebindings`],
    ...clusterRoles.flatMap((name): [string, string][] => [
      ['ClusterRole', `${RBAC}/clusterroles/${encodeURIComponent(name)}`],
      ['ClusterRoleBinding', `${RBAC}/clusterrolebindings/${encodeURIComponent(name)}`],
    ]),
  ];
}

async function readRights(client: KubeClient, namespace: string, reasons: string[]): Promise<string[]> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const answer = await client.change(REVIEWS, { method: 'POST', body });
  if (answer.status !== 201) throw new Error(`the API answers ${answer.status}`);
  const status = fieldsOf(parseFields(answer.body)?.status);
  if (status.incomplete === true)
    reasons.push(`rights: incomplete, ${textOf(status.evaluationError) ?? 'the API does not say why'}`);
  const rights = [...listOf(status.resourceRules), ...listOf(status.nonResourceRules)]
    .map(ruleText)
    .toSorted();
  if (rights.length > MAX_RULES) reasons.push(`rights: only ${MAX_RULES} of ${rights.length} are recorded`);
  return [...new Set(rights)].slice(0, MAX_RULES);
}

/** E.g. `get,list,watch pods`, `get replicasets.apps`, `get /healthz`, `update configmaps [cognitod]`. */
function ruleText(rule: Fields): string {
  const words = (key: string) => textsOf(rule[key]).toSorted();
  const groups = words('apiGroups');
  const resources = words('resources').flatMap((resource) =>
    (groups.length === 0 ? [''] : groups).map((group) => (group === '' ? resource : `${resource}.${group}`)),
  );
  const names = words('resourceNames');
  const what = [...resources, ...words('nonResourceURLs')].join(',');
  return `${words('verbs').join(',')} ${what}${names.length === 0 ? '' : ` [${names.join(',')}]`}`;
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

async function readObjects(
  client: KubeClient,
  kind: string,
  path: string,
): Promise<ClusterPolicies['objects']> {
  const answer = await client.get(path);
  if (answer.status === 403) throw new Error('the account may not read this');
  // A binding need not have the name of its role.
  if (answer.status === 404) throw new Error('there is none');
  if (answer.status !== 200) throw new Error(`the API answers ${answer.status}`);
  const document = parseFields(answer.body);
  if (document === null) throw new Error('the answer is not JSON');
  const items = Array.isArray(document.items) ? listOf(document.items) : [document];
  return items.map((item) => describeObject(kind, item));
}

/** What a policy says, without what changes by itself: the hash changes exactly when it does. */
function describeObject(kind: string, item: Fields): ClusterPolicies['objects'][number] {
  const metadata = fieldsOf(item.metadata);
  const { spec, rules, roleRef, subjects, aggregationRule } = item;
  const said = { spec, rules, roleRef, subjects, aggregationRule };
  const content = lineOf(JSON.parse(JSON.stringify(said)));
  return {
    kind,
    namespace: textOf(metadata.namespace),
    name: textOf(metadata.name) ?? '',
    sha256: createHash('sha256').update(content).digest('hex'),
    content: content.length <= MAX_CONTENT_CHARS ? content : null,
  };
}

const keyOf = ({ kind, namespace, name }: ClusterPolicies['objects'][number]) =>
  `${kind}/${namespace}/${name}`;
