// What the agent's account may do in the cluster, and, as important, what it may not.
import { chosenConnection, KUBE_TIMES, KubeClient, type KubeConnection } from '../identity/index.ts';
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

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** Asks the API itself (SelfSubjectAccessReview), as the account that this process has. */
export async function judgeRights(connection: KubeConnection): Promise<Finding> {
  const client = new KubeClient(connection, KUBE_TIMES, () => {});
  try {
    const missing: string[] = [];
    for (const one of NEEDED) if (!(await isAllowed(client, one))) missing.push(describe(one));
    const excess: string[] = [];
    for (const one of TOO_MUCH) if (await isAllowed(client, one)) excess.push(describe(one));
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
  async run({ config }) {
    const connection = chosenConnection(config.kubernetes);
    if (connection === null) return skip('no Kubernetes API is configured, or this is no pod');
    try {
      return await judgeRights(connection);
    } catch (error) {
      return warn(
        (error as Error).message,
        'names come from the runtime alone while the API does not answer',
      );
    }
  },
};
