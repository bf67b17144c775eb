// What the agent's account may do in the cluster, and, as important, what it may not.
import { chosenTarget, KUBE_TIMES, KubeClient, type KubeTarget } from '../identity/index.ts';
import { type Check, type Finding, fail, ok, skip, warn } from './check.ts';

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
}

const right = (verb: string, resource: string, group = '', subresource?: string): Right => ({
  verb,
  group,
  resource,
  ...(subresource === undefined ? {} : { subresource }),
});

const NEEDED: readonly Right[] = [
  right('list', 'pods'),
  right('watch', 'pods'),
  right('get', 'replicasets', 'apps'),
  right('get', 'jobs', 'batch'),
  right('get', 'replicationcontrollers'),
];
/** Each would make of a taken-over agent something worse. */
const TOO_MUCH: readonly Right[] = [
  right('get', 'secrets'),
  right('list', 'secrets'),
  right('create', 'pods'),
  right('create', 'pods', '', 'exec'),
  right('delete', 'pods'),
  right('patch', 'nodes'),
  right('update', 'configmaps'),
  right('create', 'clusterrolebindings', 'rbac.authorization.k8s.io'),
  right('create', 'tokenreviews', 'authentication.k8s.io'),
];

/** All questions are asked at once, so this is what the check takes at most: less than its own limit. */
const TIMES = { ...KUBE_TIMES, connectMs: 3_000, answerIdleMs: 4_000 };

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** Asks the API itself (SelfSubjectAccessReview), as the account that this process has. */
export async function judgeRights(target: KubeTarget): Promise<Finding> {
  const client = new KubeClient(target, TIMES, () => {});
  try {
    const rights = [...NEEDED, ...TOO_MUCH];
    const answers = await Promise.all(rights.map((one) => isAllowed(client, one)));
    const allowed = new Set(rights.filter((_, index) => answers[index]));
    const missing = NEEDED.filter((one) => !allowed.has(one)).map(describe);
    const excess = TOO_MUCH.filter((one) => allowed.has(one)).map(describe);
    if (missing.length > 0)
      return fail(
        `may not: ${missing.join(', ')}`,
        'the ClusterRole of the chart allows it; is it bound to this account?',
      );
    if (excess.length > 0)
      return warn(
        `may do more than it needs: ${excess.join(', ')}`,
        'least privilege is not kept: take these rights away',
      );
    return ok(
      `may ${NEEDED.map(describe).join(', ')}; of ${TOO_MUCH.length} rights that it must not have it has none`,
    );
  } finally {
    client.close();
  }
}

async function isAllowed(client: KubeClient, resourceAttributes: Right): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const answer = await client.change(REVIEWS, { method: 'POST', body });
  if (answer.status !== 201)
    throw new Error(`the API answers ${answer.status} to the question what this account may do`);
  return (JSON.parse(answer.body) as { status?: { allowed?: boolean } }).status?.allowed === true;
}

const describe = ({ verb, resource, subresource }: Right) =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;

export const permissions: Check = {
  id: 'permissions',
  title: 'May its account do what it must, and no more?',
  keepMs: 60_000,
  async run({ config }) {
    const target = chosenTarget(config.kubernetes);
    if (target === null) return skip('no Kubernetes API is configured, or this is no pod');
    try {
      return await judgeRights(target);
    } catch (error) {
      return warn(
        (error as Error).message,
        'names come from the runtime alone while the API does not answer',
      );
    }
  },
};
